"""``m5data download``: the images and videos that product pages name."""

from typing import Annotated

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("download")(download)


def download(
    workspace: WorkspaceOption = HERE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for what failed, nothing else.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask again, on condition, for what came with an ETag or a Last-Modified.")
    ] = False,
    min_success: Annotated[
        float | None,
        typer.Option("--min-success", min=0.0, max=1.0, metavar="F", help="End with 1 below this share of URLs."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch every image and video once."""
    choices = Choices(retry_failed=retry_failed, refresh_media=refresh, min_success=min_success)
    run_stages(workspace, ("download",), choices, as_json=as_json)
