"""JSON of M5Product: one huge object, item id -> title, pv, label, url. Items are read one at a time."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from core.errors import FeedError
from crawler.feeds.rows import FeedLine, FeedRow, FeedRowError, parse_row

__all__ = ["parse_pv", "read_m5product", "read_members"]

_CHUNK = 1 << 20
_LONGEST = 16 * 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")


class _Window:
    """A window over a file from which JSON is read piece by piece."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """Return the next character that is not white space; "" at the end."""
        while True:
            self._skip_space()
            if self._at < len(self._text) or not self._read():
                return self._text[self._at : self._at + 1]

    def take(self, expected: str) -> None:
        """Consume one character.

        Raises:
            ValueError: The next character is a different one.
        """
        if self.peek() != expected:
            raise ValueError(f"expected {expected}")
        self._at += 1

    def value(self) -> object:
        """Consume and return one value.

        Raises:
            ValueError: The next text is not a value, or is too long.
        """
        while True:
            self._skip_space()
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if len(self._text) - self._at > _LONGEST or not self._read():
                    raise
                continue
            if end < len(self._text) or not self._read():  # a number may continue in the next chunk
                self._at = end
                return found

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _read(self) -> bool:
        """Read the next chunk and return whether there was one."""
        more = self._file.read(_CHUNK)
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(more)


def read_members(path: Path) -> Iterator[tuple[str, object]]:
    """Yield name and value of each member of the JSON object in a file, in file order.

    Raises:
        FeedError: The file is not a JSON object in UTF-8.
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
            f"{path}: the file is not one JSON object of items in UTF-8 after item {count}. Nothing was stored."
        ) from error


def _as_name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a name must be text")
    return value


_BETWEEN_PAIRS = "#;#"
_BETWEEN_NAME_AND_VALUE = "#:#"


def read_m5product(path: Path) -> Iterator[FeedLine]:
    """Yield the items of a file, numbered from 1.

    ``url`` is that of the main image. The format has no URL of the page, so it is used as that, too.

    Raises:
        FeedError: The file is not a JSON object.
    """
    for number, (name, value) in enumerate(read_members(path), start=1):
        yield FeedLine(number, _parse(name, value))


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
