"""``m5data init``: a new workspace."""

from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(init)


def init(
    folder: Annotated[
        str,
        typer.Argument(metavar="DIR", help="Folder of the new workspace, or an address such as s3://bucket/prefix."),
    ],
) -> None:
    """Make a new workspace with a commented m5data.toml."""
    from m5data.workspace import SETTINGS_FILE, Workspace
    from storage.remote import is_store_url, working_copy

    workspace = Workspace.create(working_copy(folder))
    where = SETTINGS_FILE
    if is_store_url(folder):
        where = str(workspace.root / SETTINGS_FILE)  # the next run stores what is written there
    typer.echo(f"{folder}: new workspace; name a shop in {where}, then: m5data run -w {folder}")
