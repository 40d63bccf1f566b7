"""``m5data parse``: one saved page as a product record, for those who write page objects."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("parse")(parse)


def parse(
    page: Annotated[Path, typer.Argument(metavar="PAGE.html", help="A saved page (.gz is read too).")],
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Address that the page was served from.")],
    page_object: Annotated[
        str | None, typer.Option("--page-object", metavar="MODULE:CLASS", help="Your own page object.")
    ] = None,
) -> None:
    """Print the product record of a page as JSON."""
    import crawler
    from m5data.cli.display import print_json
    from m5data.cli.saved_page import read_page, record_as_json

    print_json(record_as_json(crawler.parse_page(read_page(page), url, page_object=page_object)))
