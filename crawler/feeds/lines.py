"""Read a text file line by line, no line longer than a bound."""

from collections.abc import Callable, Iterator
from pathlib import Path

from crawler.feeds.columns import Line
from crawler.feeds.row import BadRow, FeedRow

__all__ = ["read_lines"]

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
                yield Line(number, _parse(line, parse))


def _parse(line: bytes, parse: Callable[[str], FeedRow]) -> FeedRow | BadRow:
    try:
        return parse(line.decode("utf-8-sig").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        return BadRow(f"byte {error.start}: wanted UTF-8")
    except BadRow as error:
        return error
