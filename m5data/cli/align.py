"""``m5data align``: one hierarchy of labels for all shops."""

from typing import Annotated

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("align")(align)


def align(
    workspace: WorkspaceOption = HERE,
    rule: Annotated[
        str | None,
        typer.Option("--rule", metavar="mep3m", help="Rule that decides which categories are one."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Align the category paths of all sources and label every product."""
    run_stages(workspace, ("align",), Choices(rule=rule), as_json=as_json)
