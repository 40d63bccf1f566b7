"""The Prefect flow: the stages of a part, one task each."""

from typing import Literal

from prefect import flow

from m5data.stage import StageReport

__all__ = ["pipeline"]


@flow(name="m5data", persist_result=False, validate_parameters=True)
def pipeline(
    workspace: str = ".",
    part: Literal["collect", "process", "dataset", "everything"] = "everything",
    *,
    refresh: bool = False,
) -> list[StageReport]:
    """Run the stages of ``part`` on a workspace, in order, under its lock.

    Args:
        workspace: Folder of the workspace.
        part: collect (crawl, download), process (extract, duplicates, labels), dataset (splits,
            export, report) or everything.
        refresh: Ask for every page again, whatever its age; unchanged ones cost one conditional request.
    """
    # Prefect keeps a flow's globals beyond the interpreter's end, which DuckDB complains of there
    from flows.tasks import run_part  # noqa: PLC0415

    return run_part(workspace, part, refresh=refresh)
