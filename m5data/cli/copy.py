"""``m5data copy``: a backup of a workspace, a move, or another number of buckets."""

from typing import Annotated

import typer

from m5data.cli.options import HERE, WorkspaceOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("copy")(copy)


def copy(
    uri: Annotated[
        str, typer.Argument(metavar="URI", help="New folder, or address of one: file:, s3://bucket/prefix.")
    ],
    workspace: WorkspaceOption = HERE,
    buckets: Annotated[
        int | None, typer.Option("--buckets", metavar="N", min=1, max=4096, help="Hash buckets of the copy's tables.")
    ] = None,
) -> None:
    """Copy a workspace with all its versions, and check the copy.

    With --buckets the newest version alone is copied, its tables written anew.
    """
    from m5data.copying import copy_workspace
    from m5data.workspace import Workspace
    from storage.remote import working_copy

    copied = copy_workspace(Workspace.open(workspace), working_copy(uri), buckets=buckets)
    print(f"copied to {uri}, {copied:,} bytes of files; rows and objects are equal")
