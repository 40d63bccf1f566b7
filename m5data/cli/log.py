"""``m5data log``: the dataset versions of a workspace."""

import typer

from m5data.cli.options import HERE, JsonOption, WorkspaceOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("log")(log)


def log(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """List the dataset versions, newest first, with the stage that made each."""
    import m5data
    from m5data.cli.display import print_json, print_rows

    versions = m5data.open(workspace).store.versions()
    rows = [(v.number, v.created and v.created.isoformat(timespec="seconds"), v.stage) for v in versions]
    if as_json:
        print_json([dict(zip(("version", "created", "stage"), row, strict=True)) for row in rows])
    else:
        print_rows("", ("version", "created", "stage"), rows)
