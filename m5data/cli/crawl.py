"""``m5data crawl``: pages of authorised shops, and the records on them."""

from typing import Annotated

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("crawl")(crawl)


def crawl(
    workspace: WorkspaceOption = HERE,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only this source.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most N pages a source.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask for every page again, whatever its age.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch product pages of the authorised sources and turn them into records."""
    run_stages(workspace, ("crawl", "records"), Choices(source=source, limit=limit, refresh=refresh), as_json=as_json)
