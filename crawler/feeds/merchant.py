"""Product data of Google Merchant, as XML (RSS 2.0 or Atom) and as TSV."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from lxml import etree

from crawler.feeds.delimited import read_delimited
from crawler.feeds.rows import FeedLine, FeedRow, FeedRowError, parse_row
from m5data.errors import FeedError

__all__ = ["read_merchant_tsv", "read_merchant_xml"]

_ITEMS = ("item", "entry")
_MOST_ELEMENTS = 100_000
"""Elements of an item: more are a mistake of the feed."""
_DESCRIBING = ("color", "size", "material", "pattern", "gender", "age_group", "condition")
"""Attributes that become specifications, beside ``product_detail``."""


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
    # With other options, the file could read other files or expand without end.
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
            line = cast("int | None", item.sourceline)  # lxml's stubs know no type of it
            yield item, line, elements <= _MOST_ELEMENTS
            item = None
        if item is None or elements > _MOST_ELEMENTS:
            _forget(element)


def _local_name(element: etree._Element) -> str:
    """Return the name without its namespace, and without the prefix of one that is not declared."""
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
