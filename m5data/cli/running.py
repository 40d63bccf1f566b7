"""Running stages by name from the command line, without a scheduler."""

from collections.abc import Sequence
from pathlib import Path

from m5data.choices import Choices

__all__ = ["run_stages"]

NOTHING_CHOSEN = Choices()


def run_stages(folder: Path, names: Sequence[str], choices: Choices = NOTHING_CHOSEN, *, as_json: bool = False) -> None:
    """Run stages one after the other under the workspace's lock and print what they did.

    Args:
        folder: The workspace.
        names: Stages, in order (``flows.stages``).
        choices: What the person chose on the command line.
        as_json: Print JSON instead of a table.
    """
    from flows.context import RunContext
    from flows.stages import run_stage
    from flows.telling import telling
    from m5data.cli.display import print_reports
    from m5data.progress_display import showing_progress
    from m5data.workspace import Workspace

    workspace = Workspace.open(folder)
    with telling(workspace, ", ".join(names)), workspace.store.lock(), showing_progress() as progress:
        context = RunContext(progress=progress, choices=choices)
        reports = [run_stage(workspace, name, context) for name in names]
    print_reports(reports, as_json=as_json)
