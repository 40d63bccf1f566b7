"""JSON Lines: one object a line, its fields those of ``FeedRow``."""

from collections.abc import Iterator
from pathlib import Path

from crawler.feeds.columns import Line
from crawler.feeds.lines import read_lines
from crawler.feeds.row import parse_json, parse_row

__all__ = ["read_json_lines"]


def read_json_lines(path: Path) -> Iterator[Line]:
    """Yield the rows of a file; empty lines are none."""
    return read_lines(path, lambda text: parse_row(parse_json(text)))
