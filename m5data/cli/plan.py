"""``m5data plan``: what a run would fetch, decode and store."""

from typing import Annotated

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]

_COLUMNS = ("stage", "what", "count", "bytes", "stored", "hours")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("plan")(plan)


def plan(
    workspace: WorkspaceOption = HERE,
    refresh: Annotated[bool, typer.Option("--refresh", help="As of a run with --refresh.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would fetch, decode and store: counts, bytes, hours. Changes nothing.

    Bytes are estimated by what is stored already, hours by the settings' pace and the last run's rate; a dash where
    there is nothing to estimate by. New pages may lead to more.
    """
    from dataclasses import astuple

    from m5data.cli.display import print_json, print_rows
    from m5data.planning import make_plan
    from m5data.workspace import Workspace

    lines = [astuple(line) for line in make_plan(Workspace.open(workspace), refresh=refresh)]
    if as_json:
        print_json([dict(zip(_COLUMNS, line, strict=True)) for line in lines])
        return
    print_rows("", _COLUMNS, [(*line[:5], None if line[5] is None else round(line[5], 4)) for line in lines])
