"""``m5data diff``: what changed between two dataset versions."""

from dataclasses import astuple
from typing import Annotated

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]

SHOWN = 200


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("diff")(diff)


def diff(
    old: Annotated[int, typer.Argument(metavar="V1", help="Earlier dataset version (see m5data log).")],
    new: Annotated[int, typer.Argument(metavar="V2", help="Later one.")],
    workspace: WorkspaceOption = HERE,
    table: Annotated[str | None, typer.Option("--table", metavar="NAME", help="Show the keys of this table.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Count the rows that were added, removed or changed, by table; times of observation do not count."""
    from itertools import islice

    import m5data
    from m5data.cli.display import print_json, print_rows
    from storage.difference import changed_rows, table_changes

    opened = m5data.open(workspace)
    before, after = opened.store.snapshot(old), opened.store.snapshot(new)
    names: tuple[str, ...]
    if table is None:
        names = ("table", "added", "removed", "changed")
        rows = [astuple(change) for change in table_changes(before, after)]
    else:
        names = ("change", "key")
        found = changed_rows(before, after, table)
        rows = [(row.change, ", ".join(map(str, row.key))) for row in (found if as_json else islice(found, SHOWN + 1))]
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_rows("", names, rows[:SHOWN])
    if len(rows) > SHOWN:
        typer.echo(f"the first {SHOWN} rows are shown; all of them: --json", err=True)
