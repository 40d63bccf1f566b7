"""Reading JSON piece by piece: the members of one huge object, or values of an array."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

from core.errors import FeedError
from crawler.feeds.files import utf8_chunks

__all__ = ["is_array", "read_members", "read_values"]

_LONGEST = 16 * 1024 * 1024
"""Longest value in characters."""
_SPACE = re.compile(r"[ \t\r\n]*")
_LISTS = "products?|items?|entries|results|rows|records|data|feed|catalog(?:ue)?|channel"
_ARRAY = re.compile(
    r"\s*(?:\{\s*(?:"
    r'"(?!(?:id|url|link|title)")[^"\\]*"\s*:\s*(?:"[^"\\]*"|[\w.+-]+)\s*,\s*)*'  # members before it that no row has
    rf'"(?:{_LISTS})"\s*:\s*)*\[(?=\s*[{{\]])',
    re.IGNORECASE,
)
"""Opening of an array of objects, perhaps as the member of an object: ``[``, ``{"version": 1, "products": [``."""


class _Window:
    """A window over a file from which JSON is read piece by piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._json = json.JSONDecoder()

    def peek(self) -> str:
        """Return the next character that is not white space; "" at the end."""
        while True:
            self._skip_space()
            if self._at < len(self._text) or not self._read():
                return self._text[self._at : self._at + 1]

    def enter(self, opening: re.Pattern[str]) -> bool:
        """Consume a pattern at the start of the file; return whether it is there."""
        self.peek()
        match = opening.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match is not None

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
                found, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if len(self._text) - self._at > _LONGEST or not self._read():
                    raise
                continue
            if end < len(self._text) or not self._read():  # a number may continue in the next piece
                self._at = end
                return found

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _read(self) -> bool:
        """Read the next piece and return whether there was one."""
        piece = next(self._pieces, None)
        more = self._utf8.decode(piece or b"", final=piece is None)
        self._text = self._text[self._at :] + more
        self._at = 0
        return piece is not None


def read_members(path: Path) -> Iterator[tuple[str, object]]:
    """Yield name and value of each member of the JSON object in a file, in file order.

    Raises:
        FeedError: The file is not a JSON object.
    """
    count = 0
    try:
        window = _Window(utf8_chunks(path))
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


def is_array(head: str) -> bool:
    """Return whether a text begins with an array of objects, or with an object that holds one."""
    return _ARRAY.match(head) is not None


def read_values(path: Path) -> Iterator[object]:
    """Yield the values of a file: of an array, of the first array in an object, or one value after the other.

    Several arrays or such objects may follow each other, as the pages of an API that were saved to one file.

    Raises:
        FeedError: The file is not JSON of these forms.
    """
    count = 0
    try:
        window = _Window(utf8_chunks(path))
        in_array = window.enter(_ARRAY)
        while (following := window.peek()) or in_array:
            if following == "]" and in_array:
                in_array = _next_array(window)
                continue
            if following == "," and count:
                window.take(",")
            yield window.value()
            count += 1
    except (ValueError, RecursionError) as error:
        raise FeedError(f"{path}: the JSON is broken after item {count}: {error}. Nothing was stored.") from error


def _next_array(window: _Window) -> bool:
    """Consume the end of an array, what follows it in its object, and the opening of another; return if there is one.

    Raises:
        ValueError: Something else follows.
    """
    window.take("]")
    while following := window.peek():
        if following == ",":
            window.take(",")
            window.value()
            window.take(":")
            window.value()
        elif following == "}":
            window.take("}")
        elif window.enter(_ARRAY):
            return True
        else:
            raise ValueError("text after the array")
    return False
