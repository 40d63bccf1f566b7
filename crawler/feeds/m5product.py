"""JSON of M5Product: one huge object, item id -> title, pv, label, url. Items are read one at a time."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from crawler.feeds.json_values import read_members
from crawler.feeds.rows import FeedItem, FeedRow, FeedRowError, parse_row

__all__ = ["parse_pv", "read_m5product"]

_BETWEEN_PAIRS = "#;#"
_BETWEEN_NAME_AND_VALUE = "#:#"


def read_m5product(path: Path) -> Iterator[FeedItem]:
    """Yield the items of a file.

    ``url`` is that of the main image. The format has no URL of the page, so it is used as that, too.

    Raises:
        FeedError: The file is not a JSON object.
    """
    for name, value in read_members(path):
        yield FeedItem(_parse(name, value))


def parse_pv(text: str) -> list[dict[str, str]]:
    """Return the specifications of ``name#:#value#;#name#:#value``. A text of one character means none."""
    if len(text.strip()) <= 1:
        return []
    parts = (part.partition(_BETWEEN_NAME_AND_VALUE) for part in text.split(_BETWEEN_PAIRS))
    return [{"property": name, "value": value} for name, _, value in parts]


def _parse(name: str, value: object) -> FeedRow | FeedRowError:
    if not isinstance(value, Mapping):
        return FeedRowError(f"item: must be an object, not {type(value).__name__}")
    pv = value.get("pv") or ""
    if not isinstance(pv, str):
        return FeedRowError(f"pv: must be text, not {type(pv).__name__}")
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
    except FeedRowError as error:
        return error


def _as_list(value: object) -> object:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]
