"""M5Product's JSON: one object, item id -> title, pv, label, url."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from crawler.feeds.columns import Line
from crawler.feeds.json_members import read_members
from crawler.feeds.row import BadRow, FeedRow, parse_row

__all__ = ["parse_pv", "read_m5product"]

_BETWEEN_PAIRS = "#;#"
_BETWEEN_NAME_AND_VALUE = "#:#"


def read_m5product(path: Path) -> Iterator[Line]:
    """Yield the items of a file, numbered from 1.

    ``url`` is the main image's; the page's own is not in the format, so that it stands for both.

    Raises:
        FeedError: it is no JSON object.
    """
    for number, (name, value) in enumerate(read_members(path), start=1):
        yield Line(number, _parse(name, value))


def parse_pv(text: str) -> list[dict[str, str]]:
    """Return the pairs of ``name#:#value#;#name#:#value``; a text of one character means no table."""
    if len(text.strip()) <= 1:
        return []
    parts = (part.partition(_BETWEEN_NAME_AND_VALUE) for part in text.split(_BETWEEN_PAIRS))
    return [{"property": name, "value": value} for name, _, value in parts]


def _parse(name: str, value: object) -> FeedRow | BadRow:
    if not isinstance(value, Mapping):
        return BadRow(f"item: wanted an object, got {type(value).__name__}")
    pv = value.get("pv") or ""
    if not isinstance(pv, str):
        return BadRow(f"pv: wanted text, got {type(pv).__name__}")
    try:
        return parse_row(
            {
                "id": name,
                "url": value.get("url"),
                "title": value.get("title"),
                "category": _as_list(value.get("label")),
                "image_urls": _as_list(value.get("url")),
                "specs": parse_pv(pv),
            }
        )
    except BadRow as error:
        return error


def _as_list(value: object) -> object:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]
