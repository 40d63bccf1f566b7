"""``m5data stats``: the report with figures."""

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("stats")(stats)


def stats(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Write the dataset's report: one HTML page with figures."""
    run_stages(workspace, ("stats",), as_json=as_json)
