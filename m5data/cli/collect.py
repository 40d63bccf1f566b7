"""Verbs that collect: crawl, ingest, download, parse, learn-reader."""

import gzip
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.run_options import RunOptions
from m5data.cli.shared import HERE, AllowShrinkOption, JsonOption, RefreshOption, Settings, WorkspaceOption, run_verb

if TYPE_CHECKING:  # a verb imports what it needs when it runs
    from core.records import ProductRecord

__all__ = ["crawl", "download", "import_warc", "ingest", "learn_reader", "parse", "read_page"]

_LONGEST = 64 * 1024 * 1024
"""Largest saved page, in decompressed bytes: a small gzip file can expand a thousandfold."""


def crawl(
    workspace: WorkspaceOption = HERE,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only this source.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most N products per source.")
    ] = None,
    refresh: RefreshOption = False,
    allow_shrink: AllowShrinkOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run the stages crawl and records."""
    options = RunOptions(source=source, limit=limit, refresh=refresh, allow_shrink=allow_shrink)
    run_verb(workspace, "crawl", options, as_json=as_json)


def import_warc(
    archives: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Web archives: WARC, gzipped or not, or WACZ.")
    ],
    workspace: WorkspaceOption = HERE,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only pages of this source's hosts.")
    ] = None,
    allow_shrink: AllowShrinkOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import pages from web archives as if crawled, and read them into records; nothing is requested."""
    options = RunOptions(source=source, archives=tuple(archives), allow_shrink=allow_shrink)
    run_verb(workspace, "crawl", options, as_json=as_json)


def ingest(
    feed: Annotated[Path, typer.Argument(metavar="FEED", help="File with one product per row.")],
    workspace: WorkspaceOption = HERE,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Source of the feed.")] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Format of the feed; docs/sources.md names them.")
    ] = "auto",
    allow_shrink: AllowShrinkOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run the stage ingest."""
    options = RunOptions(feed=feed, source=source, feed_format=form, allow_shrink=allow_shrink)
    run_verb(workspace, "ingest", options, as_json=as_json)


def download(
    workspace: WorkspaceOption = HERE,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Also request files that failed.")] = False,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Request files that came with an ETag or Last-Modified again, conditionally."),
    ] = False,
    *,
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """Run the stage download."""
    options = RunOptions(retry_failed=retry_failed, refresh_media=refresh, settings=settings)
    run_verb(workspace, "download", options, as_json=as_json)


def parse(
    page: Annotated[
        Path | None, typer.Argument(metavar="PAGE.html", help="A saved page; .gz is read too.", show_default=False)
    ] = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="URL that the page was served from.")] = None,
    page_object: Annotated[
        str | None, typer.Option("--page-object", metavar="MODULE:CLASS", help="Your own page object.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Print the template of this source instead.")
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="FIELD", help="Print the candidates of this field and why, instead."),
    ] = None,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Print the product record of a page as JSON; with --source, the template learned from a source's pages."""
    import crawler
    from core.errors import UsageError
    from m5data.cli.output import print_json

    if source is not None:
        _print_template(workspace, source, as_json=as_json)
        return
    if page is None or url is None:
        raise UsageError("parse: give a saved page and its --url, or --source NAME")
    if explain is not None:
        _print_odds(read_page(page), url, explain, as_json=as_json)
        return
    print_json(_record_as_json(crawler.parse_page(read_page(page), url, page_object=page_object)))


def learn_reader(
    workspace: WorkspaceOption = HERE,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.npz", help="Model file to write.")] = Path("reader.npz"),
    limit: Annotated[int, typer.Option("--limit", min=10, help="Maximum number of pages to learn from.")] = 1000,
) -> None:
    """Train the page reader on stored pages with markup, and compare it with the shipped one.

    Training starts from the shipped reader. The pages' markup provides the right answers and is hidden from the reader.
    To use the file, name it in the settings of a source (``reader``).
    """
    from core.errors import DataError
    from crawler.records.labelled_pages import labelled_stored_pages
    from reader.learning.labelled import examples_of
    from reader.learning.lessons import lessons
    from reader.learning.teach import compare_with_shipped, learn, write_model
    from reader.model import shipped_model
    from workspace import Workspace

    pages = list(labelled_stored_pages(Workspace.open(workspace).store, limit=limit))
    shops = {page.shop for page in pages if page.truth is not None}
    if len(shops) < 2:
        raise DataError(
            f"{len(shops)} sources have stored pages with a product in their markup; learning needs two or more, "
            "so that each can be judged by what was learned from the others. Crawl more shops first."
        )
    examples = list(examples_of([*pages, *lessons()]))
    lesson = learn(examples, start=shipped_model())
    print(f"{lesson.pages} pages of {lesson.shops} sources; F1 without markup, sources left out: learned, shipped")
    for field, (learned, shipped) in compare_with_shipped(lesson, examples).items():
        print(f"{field:13} {learned:.3f}  {shipped:.3f}")
    write_model(out, lesson, "m5data learn-reader")
    print(f'{out}: written; name it in m5data.toml as reader = "{out}" of a source')


def read_page(path: Path) -> bytes:
    """Return the bytes of a saved page.

    Raises:
        UsageError: There is no such file, it is broken gzip, not an ordinary file, or longer than any page.
    """
    from core.errors import UsageError

    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: this is a folder, pipe or device, not a saved page; name a file")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            body = file.read(_LONGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: cannot be read as a saved page ({error}); name another file") from None
    if len(body) > _LONGEST:
        raise UsageError(f"{path}: longer than {_LONGEST:,} bytes, the most that a page may have; name another file")
    return body


_MAX_CANDIDATES = 10


def _print_odds(body: bytes, url: str, field: str, *, as_json: bool) -> None:
    """Print the likeliest candidates of a field, each with its probability, place and weightiest evidence.

    Raises:
        UsageError: The reader has no such field.
    """
    from core.errors import UsageError
    from m5data.cli.output import print_json, print_rows
    from reader.document import read_document
    from reader.model import FIELDS
    from reader.reading import Reading

    if field not in FIELDS:
        raise UsageError(f"parse: --explain {field}: the reader weighs {', '.join(FIELDS)}; name one of them")
    reading = Reading(read_document(body, url))
    found = reading.odds(field)
    rows = [
        (str(one.value), round(probability, 3), one.origin, one.count or 1, reading.model.spoke(field, one))
        for one, probability in ((odds.candidate, odds.probability) for odds in found[:_MAX_CANDIDATES])
    ]
    columns = ("value", "probability", "first place", "places", "evidence")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    none = max(0.0, 1.0 - sum(odds.probability for odds in found))
    print_rows(
        f"{field}: candidates and their evidence with its weight; none of them: {none:.3f}",
        columns,
        [(*row, " ".join(f"{name} {weight:+.1f}" for name, weight in evidence if weight)) for *row, evidence in rows],
    )


def _print_template(workspace: Path, source: str, *, as_json: bool) -> None:
    """Print where each field stands on the pages of a source.

    Raises:
        DataError: The source has no template.
    """
    from core.errors import DataError
    from crawler.records.templates import read_template
    from m5data.cli.output import print_json, print_rows
    from workspace import Workspace

    places = read_template(Workspace.open(workspace).store, source)
    if not places:
        raise DataError(
            f"{source}: its pages have taught no template; the stage records learns one from ten stored pages or more"
        )
    if as_json:
        print_json([asdict(one) for one in places])
        return
    print_rows(
        f"template of {source}: pages on which a field stood at a place, and on which something else did",
        ("field", "place", "right", "wrong", "confirmed by", "weight"),
        [
            (one.field, one.place, one.right, one.wrong, "markup" if one.marked else "agreement", f"{one.weight:+.1f}")
            for one in sorted(places, key=lambda one: (one.field, -one.weight, -one.right - one.wrong, one.place))
        ],
    )


def _record_as_json(record: "ProductRecord") -> dict[str, object]:
    """Return a record under the names that feeds use."""
    row = asdict(record)
    row["title"] = row.pop("caption")
    row["specs"] = [{"property": spec.property, "value": spec.value} for spec in record.specs]
    for priced in (row, *row["variants"]):
        priced["price"] = None if priced["price"] is None else str(priced["price"])
    return row
