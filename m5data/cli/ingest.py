"""``m5data ingest``: products from a feed instead of pages."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from m5data.choices import Choices
from m5data.cli.options import HERE, JsonOption, WorkspaceOption
from m5data.cli.running import run_stages

__all__ = ["register"]


class Format(StrEnum):
    """Feed formats."""

    auto = "auto"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    m5product = "m5product"
    product1m = "product1m"
    merchant = "merchant"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("ingest")(ingest)


def ingest(
    feed: Annotated[Path, typer.Argument(metavar="FEED", help="File with one product a row.")],
    workspace: WorkspaceOption = HERE,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Source that the feed is of.")] = None,
    form: Annotated[Format, typer.Option("--format", help="Format of the feed.")] = Format.auto,
    as_json: JsonOption = False,
) -> None:
    """Take the products of a source from a feed; bad rows go to the table rejects."""
    run_stages(workspace, ("ingest",), Choices(feed=feed, source=source, form=form.value), as_json=as_json)
