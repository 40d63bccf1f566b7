"""Formats with one row on each line: JSON Lines, and the link files of Product1M."""

from collections.abc import Callable, Iterator
from pathlib import Path

from crawler.feeds.rows import FeedLine, FeedRow, FeedRowError, parse_json, parse_row

__all__ = ["read_json_lines", "read_lines", "read_product1m"]

_LONGEST = 16 * 1024 * 1024
"""Longest line, bytes: a thousand times the longest product seen."""


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
