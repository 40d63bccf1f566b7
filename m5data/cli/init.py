"""``m5data init``: a new workspace."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(init)


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new workspace.")]) -> None:
    """Make a new workspace with a commented m5data.toml."""
    from m5data.workspace import SETTINGS_FILE, Workspace

    workspace = Workspace.create(folder)
    typer.echo(f"{workspace.root}: new workspace; name a shop in {SETTINGS_FILE}, then: m5data run -w {folder}")
