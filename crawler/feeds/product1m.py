"""Product1M's link files: ``id#####title#####url#####ossurl#####label#;#label``."""

from collections.abc import Iterator
from pathlib import Path

from crawler.feeds.columns import Line
from crawler.feeds.lines import read_lines
from crawler.feeds.row import BadRow, FeedRow, parse_row

__all__ = ["read_product1m"]

_BETWEEN_FIELDS = "#####"
_BETWEEN_LABELS = "#;#"
_FIELDS = 5


def read_product1m(path: Path) -> Iterator[Line]:
    """Yield the rows of a file; empty lines are none.

    Both addresses are of the same image; the second, a copy made for the dataset, is preferred for
    it. The page's own is not in the format, so that the first stands for it.
    """
    return read_lines(path, _parse)


def _parse(line: str) -> FeedRow:
    fields = [field.strip() for field in line.split(_BETWEEN_FIELDS)]
    if len(fields) != _FIELDS:
        raise BadRow(f"row: wanted {_FIELDS} fields, got {len(fields)}")
    native_id, title, url, copy, labels = fields
    return parse_row(
        {
            "id": native_id,
            "url": url or copy,
            "title": title,
            "category": [label.strip() for label in labels.split(_BETWEEN_LABELS) if label.strip()],
            "image_urls": [copy or url] if copy or url else [],
        }
    )
