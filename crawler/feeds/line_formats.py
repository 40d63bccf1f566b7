"""Formats with one row on each line: JSON Lines, and the link files of Product1M."""

from collections.abc import Callable, Iterator
from pathlib import Path

from crawler.feeds.rows import BadRow, FeedRow, Line, parse_json, parse_row

__all__ = ["read_json_lines", "read_lines", "read_product1m"]

_LONGEST = 16 * 1024 * 1024
"""Bytes of a line: a thousand times the longest product met."""


def read_lines(path: Path, parse: Callable[[str], FeedRow]) -> Iterator[Line]:
    """Yield a row for each line that is not empty.

    Args:
        path: the file, in UTF-8.
        parse: reads one line, without its end; may raise ``BadRow``.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST):
            number += 1
            if len(line) == _LONGEST and not line.endswith(b"\n"):
                while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
                    pass
                yield Line(number, BadRow(f"row: wanted at most {_LONGEST} bytes, got more"))
            elif line.strip():
                yield Line(number, _parse_line(line, parse))


def _parse_line(line: bytes, parse: Callable[[str], FeedRow]) -> FeedRow | BadRow:
    try:
        return parse(line.decode("utf-8-sig").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        return BadRow(f"byte {error.start}: wanted UTF-8")
    except BadRow as error:
        return error


def read_json_lines(path: Path) -> Iterator[Line]:
    """Yield the rows of a file; empty lines are none."""
    return read_lines(path, lambda text: parse_row(parse_json(text)))


_BETWEEN_FIELDS = "#####"
_BETWEEN_LABELS = "#;#"
_FIELDS = 5


def read_product1m(path: Path) -> Iterator[Line]:
    """Yield the rows of a file; empty lines are none.

    Both addresses are of the same image; the second, a copy made for the dataset, is preferred for
    it. The page's own is not in the format, so that the first stands for it.
    """
    return read_lines(path, _parse_product1m)


def _parse_product1m(line: str) -> FeedRow:
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
