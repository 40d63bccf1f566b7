"""The Prefect flows collect, process, dataset and everything, with one task per stage."""

from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from core.stage import StageReport

__all__ = ["collect", "dataset", "everything", "process"]

Folder = Annotated[
    str,
    Field(
        min_length=1,
        description="Folder of the workspace where this runs, or its URL in an object store.",
    ),
]
Source = Annotated[str | None, Field(description="Only this source; empty: all that have a start URL.")]
Limit = Annotated[int | None, Field(ge=1, description="At most so many products per source; empty: as set.")]
Refresh = Annotated[bool, Field(description="Request every page again; an unchanged one costs a short answer.")]
Engine = Annotated[Literal["local", "ray"], Field(description="Where partitions run: here, or on a Ray cluster.")]
Media = Annotated[bool, Field(description="Fetch and decode images and videos; otherwise export link files.")]
Recipe = Annotated[str | None, Field(description="Split recipe by name or file; empty: as the settings say.")]


@flow(name="collect", persist_result=False, validate_parameters=True)
def collect(
    workspace: Folder = ".", *, source: Source = None, limit: Limit = None, refresh: Refresh = False
) -> list[StageReport]:
    """Crawl, read records, download.

    Args:
        workspace: Folder of the workspace.
        source: Only this source.
        limit: At most this many products per source.
        refresh: Request every page again, whatever its age.
    """
    # Prefect keeps a flow's globals alive beyond the interpreter's end, where DuckDB raises errors
    from flows.tasks import run_part  # noqa: PLC0415

    return run_part(workspace, "collect", source=source, limit=limit, refresh=refresh)


@flow(name="process", persist_result=False, validate_parameters=True)
def process(workspace: Folder = ".", *, engine: Engine = "local") -> list[StageReport]:
    """Extract, clean texts, find duplicates, label.

    Args:
        workspace: Folder of the workspace.
        engine: Where partitions run.
    """
    from flows.tasks import run_part  # noqa: PLC0415 - as above

    return run_part(workspace, "process", engine=engine)


@flow(name="dataset", persist_result=False, validate_parameters=True)
def dataset(workspace: Folder = ".", *, recipe: Recipe = None, engine: Engine = "local") -> list[StageReport]:
    """Import judgements, split, export, report.

    Args:
        workspace: Folder of the workspace.
        recipe: Split recipe.
        engine: Where partitions run.
    """
    from flows.tasks import run_part  # noqa: PLC0415 - as above

    return run_part(workspace, "dataset", settings={"recipe": recipe}, engine=engine)


@flow(name="everything", persist_result=False, validate_parameters=True)
def everything(
    workspace: Folder = ".", *, refresh: Refresh = False, engine: Engine = "local", media: Media = True
) -> list[StageReport]:
    """Collect, process and build the dataset; finished work is not repeated.

    Args:
        workspace: Folder of the workspace.
        refresh: Request every page again, whatever its age.
        engine: Where partitions run.
        media: Fetch and decode images and videos; otherwise link files are exported.
    """
    from flows.tasks import run_part  # noqa: PLC0415 - as above

    return run_part(workspace, "everything", refresh=refresh, engine=engine, media=media)
