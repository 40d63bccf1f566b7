"""JSON of M5Product: one object, item id -> title, pv, label, url, read without holding it in memory."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from crawler.feeds.rows import BadRow, FeedRow, Line, parse_row
from m5data.errors import FeedError

__all__ = ["parse_pv", "read_m5product", "read_members"]

_CHUNK = 1 << 20
_LONGEST = 16 * 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")


class _Window:
    """A window over a file, from which JSON is taken piece by piece."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """Return the next sign that is no white space; "" at the end."""
        while True:
            self._skip_space()
            if self._at < len(self._text) or not self._read():
                return self._text[self._at : self._at + 1]

    def take(self, wanted: str) -> None:
        """Take one sign.

        Raises:
            ValueError: another comes.
        """
        if self.peek() != wanted:
            raise ValueError(f"wanted {wanted}")
        self._at += 1

    def value(self) -> object:
        """Take one value.

        Raises:
            ValueError: none comes, or one longer than allowed.
        """
        while True:
            self._skip_space()
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if len(self._text) - self._at > _LONGEST or not self._read():
                    raise
                continue
            if end < len(self._text) or not self._read():  # a number may go on in the next chunk
                self._at = end
                return found

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _read(self) -> bool:
        """Read on; return whether there was more."""
        more = self._file.read(_CHUNK)
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(more)


def read_members(path: Path) -> Iterator[tuple[str, object]]:
    """Yield name and value of each member of the object that a file holds, in its order.

    Raises:
        FeedError: the file is no JSON object in UTF-8.
    """
    count = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            window = _Window(file)
            window.take("{")
            while window.peek() != "}":
                if count:
                    window.take(",")
                name = window.value()
                window.take(":")
                yield _as_name(name), window.value()
                count += 1
    except (TypeError, ValueError, RecursionError) as error:
        raise FeedError(
            f"{path}: wanted one JSON object of items in UTF-8, got something else after item {count}; "
            "nothing was taken from it"
        ) from error


def _as_name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("wanted a name")
    return value


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
