"""Options that several verbs share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["HERE", "WORKSPACE_HELP", "Engine", "EngineOption", "JsonOption", "WorkspaceOption", "folder_of"]


HERE = Path()


def _nearest(context: typer.Context, value: Path) -> Path:
    """Take the verb's own ``-w``, else the one before the verb, else the current folder."""
    source = context.get_parameter_source("workspace")
    before: Path | None = context.find_root().params.get("workspace")
    return before if before and source is not None and source.name == "DEFAULT" else value


def folder_of(place: str | Path) -> Path:
    """Return the folder of a workspace that may be named by its address in an object store."""
    from storage.remote import working_copy

    return working_copy(place)


WORKSPACE_HELP = "Workspace: a folder (default: here), or an address such as s3://bucket/prefix."

WorkspaceOption = Annotated[
    Path,
    typer.Option("-w", "--workspace", metavar="DIR", help=WORKSPACE_HELP, parser=folder_of, callback=_nearest),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class Engine(StrEnum):
    """Where partitions run."""

    local = "local"
    ray = "ray"


EngineOption = Annotated[
    Engine, typer.Option("--engine", help="Where partitions run: on this machine, or on a Ray cluster (extra ray).")
]
