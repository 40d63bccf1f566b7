"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = [
    "HERE",
    "WORKSPACE_HELP",
    "DryRunOption",
    "Engine",
    "EngineOption",
    "JsonOption",
    "RefreshOption",
    "WorkspaceOption",
    "folder_of",
]


HERE = Path()


def _nearest(context: typer.Context, value: Path) -> Path:
    """Return the verb's own ``-w``, else the one before the verb, else the current folder."""
    source = context.get_parameter_source("workspace")
    before: Path | None = context.find_root().params.get("workspace")
    return before if before and source is not None and source.name == "DEFAULT" else value


def folder_of(place: str | Path) -> Path:
    """Return the folder of a workspace, which may be named by its URL in an object store."""
    from storage.remote import working_copy

    return working_copy(place)


WORKSPACE_HELP = "Workspace: a folder (default: here), or a URL such as s3://bucket/prefix."

WorkspaceOption = Annotated[
    Path,
    typer.Option("-w", "--workspace", metavar="DIR", help=WORKSPACE_HELP, parser=folder_of, callback=_nearest),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")]
RefreshOption = Annotated[bool, typer.Option("--refresh", help="Request every page again, whatever its age.")]

Engine = Literal["local", "ray"]
EngineOption = Annotated[
    Engine, typer.Option("--engine", help="Where partitions run: this machine, or a Ray cluster (extra ray).")
]
