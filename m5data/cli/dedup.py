"""``m5data dedup``: groups of duplicate products."""

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("dedup")(dedup)


def dedup(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Find duplicate products; exact ones are dropped, one of each group is kept."""
    run_stages(workspace, ("dedup",), as_json=as_json)
