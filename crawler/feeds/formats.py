"""Formats of feeds, Google Merchant's among them: detection, and reading any file into one relation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, cast, get_args

import duckdb
import pyarrow as pa
from lxml import etree

from core.errors import FeedError
from crawler.feeds.delimited import read_csv, read_delimited
from crawler.feeds.m5product import read_m5product
from crawler.feeds.parquet import insert_checked, parquet_query
from crawler.feeds.rows import FeedLine, FeedRow, FeedRowError, batches, feed_schema, parse_json, parse_row

__all__ = [
    "FORMATS",
    "FeedFormat",
    "check_file",
    "detect",
    "open_feed",
    "read_json_lines",
    "read_merchant_tsv",
    "read_merchant_xml",
    "read_product1m",
]

_LONGEST = 16 * 1024 * 1024
"""Longest line in bytes: a thousand times the longest product seen."""


def read_lines(path: Path, parse: Callable[[str], FeedRow]) -> Iterator[FeedLine]:
    """Yield a row for each line that is not empty.

    Args:
        path: The file, in UTF-8.
        parse: Reads one line without its end; may raise ``FeedRowError``.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST):
            number += 1
            if len(line) == _LONGEST and not line.endswith(b"\n"):
                while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
                    pass
                yield FeedLine(number, FeedRowError(f"row: longer than {_LONGEST} bytes"))
            elif line.strip():
                yield FeedLine(number, _parse_line(line, parse))


def _parse_line(line: bytes, parse: Callable[[str], FeedRow]) -> FeedRow | FeedRowError:
    try:
        return parse(line.decode("utf-8-sig").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        return FeedRowError(f"byte {error.start}: not UTF-8")
    except FeedRowError as error:
        return error


def read_json_lines(path: Path) -> Iterator[FeedLine]:
    """Yield the rows of a JSON Lines file. Empty lines are skipped."""
    return read_lines(path, lambda text: parse_row(parse_json(text)))


_BETWEEN_FIELDS = "#####"
_BETWEEN_LABELS = "#;#"
_FIELDS = 5


def read_product1m(path: Path) -> Iterator[FeedLine]:
    """Yield the rows of a Product1M file: ``id#####title#####url#####ossurl#####label#;#label``.

    A sixth field, which exports of m5data have, is skipped.

    Both URLs are of the same image. The second is a copy made for the dataset and preferred for the image. The format
    has no URL of the page, so the first takes its place. Empty lines are skipped.
    """
    return read_lines(path, _parse_product1m)


def _parse_product1m(line: str) -> FeedRow:
    fields = [field.strip() for field in line.split(_BETWEEN_FIELDS)]
    if len(fields) not in {_FIELDS, _FIELDS + 1}:
        raise FeedRowError(f"row: the number of fields is {len(fields)}, not {_FIELDS}")
    native_id, title, url, copy, labels = fields[:_FIELDS]
    return parse_row(
        {
            "id": native_id,
            "url": url or copy,
            "title": title,
            "category": [label.strip() for label in labels.split(_BETWEEN_LABELS) if label.strip()],
            "image_urls": [copy or url] if copy or url else [],
        }
    )


FeedFormat = Literal["jsonl", "csv", "parquet", "m5product", "product1m", "merchant"]
FORMATS: tuple[FeedFormat, ...] = get_args(FeedFormat)

_HEAD = 65_536


def check_file(path: Path) -> None:
    """Raise unless the path is a regular file of text or Parquet.

    A pipe or device might never end, and feeds are read several times.

    Raises:
        FeedError: It is something else.
    """
    if not path.exists():
        raise FeedError(f"{path}: there is no such file")
    if not path.is_file():
        raise FeedError(f"{path} is a folder, pipe or device. Save the feed to a file first.")
    head = _read_head(path)
    if b"\0" in head and not head.startswith(b"PAR1"):
        raise FeedError(f"{path}: the file is not text in UTF-8; spreadsheets may save UTF-16. Save it as UTF-8.")


def detect(path: Path) -> FeedFormat:
    """Return the format of a file.

    Raises:
        FeedError: The file cannot be read, is empty, or has an unknown format.
    """
    head = _read_head(path)
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    if not text:
        raise FeedError(f"{path}: the file is empty")
    first = text.splitlines()[0]
    if text.startswith("<"):
        return "merchant"
    if text.startswith("{"):
        return "m5product" if _is_one_object(first) else "jsonl"
    if first.count("#####") >= 4:
        return "product1m"
    if "\t" in first:
        return "merchant"
    if "," in first or path.suffix.lower() == ".csv":
        return "csv"
    known = ", ".join(FORMATS)
    raise FeedError(f"{path}: the format of the feed is unclear. Name it with --format ({known}).")


def _is_one_object(first: str) -> bool:
    """Return whether the first line starts one object of items (M5Product) and is not a line of JSON Lines."""
    if first.rstrip() == "{":
        return True
    after_name = first.lstrip("{ ").partition('"')[2].partition('"')[2].lstrip()
    return after_name.startswith(":") and after_name[1:].lstrip().startswith("{")


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise FeedError(f"{path}: cannot read the file: {error.strerror}") from error


def open_feed(
    connection: duckdb.DuckDBPyConnection, path: Path, feed_format: FeedFormat, *, checked: bool = False
) -> None:
    """Create the relation ``feed`` with the columns of ``feed_schema()`` from a file.

    Parquet is read in place by each query. Other formats are read once, row by row, into a temporary table.

    Args:
        connection: A connection without a relation ``feed``.
        path: The file.
        feed_format: Its format.
        checked: Also read Parquet once, and check that its texts are UTF-8.

    Raises:
        FeedError: The file cannot be read in this format.
    """
    if feed_format == "parquet" and not checked:
        connection.execute(f"CREATE TEMP VIEW feed AS {parquet_query(path)}")
        return
    connection.register("arriving", feed_schema().empty_table())
    connection.execute("CREATE TEMP TABLE feed AS SELECT * FROM arriving")
    if feed_format == "parquet":
        insert_checked(connection, path)
        return
    try:
        for batch in batches(_reader(path, feed_format)(path)):
            connection.register("arriving", pa.Table.from_batches([batch]))
            connection.execute("INSERT INTO feed SELECT * FROM arriving")
    except OSError as error:
        raise FeedError(f"{path}: cannot read the file: {error.strerror}") from error


def _reader(path: Path, feed_format: FeedFormat) -> Callable[[Path], Iterator[FeedLine]]:
    if feed_format == "merchant":
        with path.open("rb") as file:
            return (
                read_merchant_xml
                if file.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
                else read_merchant_tsv
            )
    return _READERS[feed_format]


_READERS: dict[FeedFormat, Callable[[Path], Iterator[FeedLine]]] = {
    "jsonl": read_json_lines,
    "csv": read_csv,
    "m5product": read_m5product,
    "product1m": read_product1m,
}


_ITEMS = ("item", "entry")
_MOST_ELEMENTS = 100_000
"""Most elements of an item; more are an error in the feed."""
_DESCRIBING = ("color", "size", "material", "pattern", "gender", "age_group", "condition")
"""Attributes that become specifications, in addition to ``product_detail``."""


def read_merchant_xml(path: Path) -> Iterator[FeedLine]:
    """Yield the items of an XML file with their first lines. Entities are not resolved.

    Raises:
        FeedError: The file is not well-formed XML or has no items.
    """
    count = 0
    try:
        for item, line, is_whole in _items(path):
            count += 1
            row = _parse(_read_item(item)) if is_whole else FeedRowError(f"item: more than {_MOST_ELEMENTS} elements")
            yield FeedLine(line or count, row)
    except etree.XMLSyntaxError as error:
        raise FeedError(f"{path}:{error.lineno}: the XML is not well-formed: {error.msg}") from error
    if not count:
        raise FeedError(f"{path}: the file has no RSS items or Atom entries")


def _items(path: Path) -> Iterator[tuple[etree._Element, int | None, bool]]:
    """Yield each item, its line, and whether all its elements were kept; nothing else of the file stays in memory."""
    # With other options, the file could include other files or expand endlessly.
    events = etree.iterparse(
        str(path),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    item: etree._Element | None = None
    elements = 0
    for event, element in events:
        if event == "start":
            if item is None and _local_name(element) in _ITEMS:
                item, elements = element, 0
            elements += 1
            continue
        if item is not None and element is item:
            line = cast("int | None", item.sourceline)  # lxml's stubs have no type for it
            yield item, line, elements <= _MOST_ELEMENTS
            item = None
        if item is None or elements > _MOST_ELEMENTS:
            _forget(element)


def _local_name(element: etree._Element) -> str:
    """Return the name without its namespace, or without the prefix of an undeclared one."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def read_merchant_tsv(path: Path) -> Iterator[FeedLine]:
    """Yield the rows of a TSV file. Names may have spaces (``image link``); commas separate repeated values.

    Raises:
        FeedError: The file has no line of column names.
    """
    for record in read_delimited(path, "\t"):
        if isinstance(record.fields, FeedRowError):
            yield FeedLine(record.number, record.fields)
            continue
        values = {name.lower().replace(" ", "_"): [text] for name, text in record.fields.items()}
        for name in ("additional_image_link", "product_detail"):
            values[name] = [part for text in values.get(name, []) for part in text.split(",")]
        yield FeedLine(record.number, _parse(values))


def _read_item(item: etree._Element) -> dict[str, list[str]]:
    """Return attribute -> its values, ignoring XML namespaces."""
    values: dict[str, list[str]] = {}
    for child in item.iterchildren(tag=etree.Element):
        name = _local_name(child)
        text = _read_detail(child) if name == "product_detail" else (child.text or "").strip()
        if name == "link" and not text:  # Atom keeps it in an attribute
            text = str(child.get("href", ""))
        if text:
            values.setdefault(name, []).append(text)
    return values


def _read_detail(detail: etree._Element) -> str:
    parts = {_local_name(part): (part.text or "").strip() for part in detail.iterchildren(tag=etree.Element)}
    names = ("section_name", "attribute_name", "attribute_value")
    return ":".join(parts.get(name, "") for name in names)


def _forget(item: etree._Element) -> None:
    """Free an item that was read; iterparse would keep the whole tree."""
    item.clear()
    while item.getprevious() is not None and (parent := item.getparent()) is not None:
        del parent[0]


def _parse(values: Mapping[str, Sequence[str]]) -> FeedRow | FeedRowError:
    first = {name: texts[0] for name, texts in values.items() if texts}
    images = [*values.get("image_link", ()), *values.get("additional_image_link", ())]
    try:
        return parse_row(
            {
                **{name: first.get(name) for name in ("id", "title", "brand", "gtin", "mpn", "availability")},
                "url": first.get("link"),
                "category": first.get("product_type") or first.get("google_product_category"),
                "price": first.get("sale_price") or first.get("price"),
                "image_urls": [image.strip() for image in images],
                "video_urls": list(values.get("video_link", ())),
                "specs": [*_details(values), *_attributes(first)],
            }
        )
    except FeedRowError as error:
        return error


def _details(values: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Return the specifications of ``product_detail``: ``section:name:value``, the section often empty."""
    parts = (detail.split(":", 2) for detail in values.get("product_detail", ()))
    return [{"property": part[-2].strip(), "value": part[-1].strip()} for part in parts if len(part) > 1]


def _attributes(first: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"property": name, "value": first[name]} for name in _DESCRIBING if name in first]
