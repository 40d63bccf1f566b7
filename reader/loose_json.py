"""JSON of pages as it comes: wrapped, with slips, several values in one script.

A slip is repaired only where one reading exists: a trailing or missing comma, an escape that JSON does not know, single
or typographic quotes around names and texts, a quote inside a text that no comma or bracket follows, comments,
brackets that were not closed, entities where quotes should be.
"""

import html
import json
import re
from collections.abc import Iterator

__all__ = ["read_json"]

_OPENINGS = (("/*", "*/"), ("//", "\n"), ("<!--", ""), ("<![CDATA[", ""), (";", ""), ("\ufeff", ""))
_ENDINGS = (("*/", "/*"), ("-->", ""), ("]]>", ""), ("//", ""), (";", ""))
"""Marks around scripts, each with the mark that closes or opens it, if any."""
_DECODER = json.JSONDecoder(strict=False)
_LONGEST_BARE = 100
_MAX_OBJECTS = 500
"""Maximum objects read from a script that cannot be repaired."""


_ESCAPED = re.compile(r'"?\s*(?:\[\s*)?\{\s*\\"')


def read_json(text: str) -> tuple[list[object], bool]:
    """Return the values of a script, and whether they are all of it.

    Of a script that is damaged beyond repair, the outermost objects that can be read are returned.
    """
    inner = _unwrapped(text)
    if _ESCAPED.match(inner):  # JSON inside a text of JSON
        inner = inner.strip('"').replace('\\"', '"').replace("\\\\", "\\")
    try:
        return [_DECODER.decode(inner)], True
    except (ValueError, RecursionError):
        pass
    unescaped = html.unescape(inner) if "&quot;" in inner or "&#34;" in inner else inner
    for attempt in dict.fromkeys((inner, unescaped)):
        found, is_whole = _several(attempt)
        if is_whole:
            return found, True
    found, is_whole = _several(_repaired(inner))
    return (found, True) if is_whole else (list(_objects(inner)), False)


def _objects(text: str) -> Iterator[object]:
    """Yield the outermost objects that can be read."""
    at = 0
    for _ in range(_MAX_OBJECTS):
        start = text.find("{", at)
        if start < 0:
            return
        try:
            value, at = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError:
            at = start + 1
        except (RecursionError, ValueError):
            return
        else:
            yield value


def _several(text: str) -> tuple[list[object], bool]:
    """Return the values at the start of a text, and whether they are all of it."""
    found: list[object] = []
    at = 0
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return found, False
        found.append(value)
        while at < len(text) and text[at] in " \t\r\n,;}]":  # brackets too many
            at += 1
    return found, bool(found)


def _unwrapped(text: str) -> str:
    """Return a script without the comments and marks around it, in one pass."""
    start, end = 0, len(text)
    while True:
        while start < end and text[start].isspace():
            start += 1
        behind = (_behind(text, start, end, mark, closing) for mark, closing in _OPENINGS)
        after = next((place for place in behind if place is not None), None)
        if after is None:
            break
        start = after
    while True:
        while start < end and text[end - 1].isspace():
            end -= 1
        mark, opening = next(((m, o) for m, o in _ENDINGS if text.endswith(m, start, end)), ("", ""))
        before = text.rfind(opening, start, end - len(mark)) if opening else end - len(mark)
        if not mark or before < 0:
            return text[start:end]
        end = before


def _behind(text: str, start: int, end: int, mark: str, closing: str) -> int | None:
    """Return the position after a mark and its closing, or None if the text does not start with both."""
    if not text.startswith(mark, start, end):
        return None
    if not closing:
        return start + len(mark)
    place = text.find(closing, start + len(mark), end)
    return None if place < 0 else place + len(closing)


_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "‘": "’"}
"""Quote that opens a text -> quote that closes it."""
_PART = re.compile(
    r"""(?P<space>\s+)|(?P<comment>//[^\n]*|/\*.{0,200}?\*/|<!--.{0,200}?-->)|(?P<open>[{\[])|(?P<close>[}\]])"""
    r"""|(?P<comma>[,;])|(?P<colon>:)|(?P<quote>["'“„‘])|(?P<word>[^\s{}\[\],;:"'“„‘]+)""",
    re.DOTALL,
)
_ENDS_TEXT = re.compile(
    r"""\s*(?:$|[}\]:]|/[/*]|(?:[,;]\s*)+(?:$|["'“„‘{}\[\]\d-]|/[/*]|true|false|null|[A-Za-z_$@][\w$]*\s*:)"""
    r"""|["'“][\w@$:.-]+["'”]\s*:)"""
)
"""What follows the quote at the end of a text. Any other quote belongs to the text."""
_WORDS = {"undefined": "null", "None": "null", "NaN": "null", "True": "true", "False": "false"}
_BARE = re.compile(r"""(?:(?!/[/*])[^{}\[\]"'“”:;\n])+?(?=\s*(?:[}\]]|,\s*["'“}]))""")
"""A value without quotes, which may have spaces and commas: ``49,00 EUR``."""
_LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_BAD_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.|$))|(")', re.DOTALL)


def _repaired(text: str) -> str:
    """Return a text with its slips repaired as far as they are known."""
    parts = _Parts()
    at = 0
    while found := _PART.match(text, at):
        kind, at = str(found.lastgroup), found.end()
        if kind == "quote":
            value, at = _text(text, found[0], at)
            parts.value(value)
        elif kind == "word":
            bare = _BARE.match(text, found.start(), found.start() + _LONGEST_BARE) if parts.last == ":" else None
            bare = bare or found
            parts.value(_word(bare[0]))
            at = bare.end()
        elif kind in ("open", "close", "comma", "colon") and not getattr(parts, kind)(found[0]):
            break
    while parts.opened:
        parts.close("")
    return "".join(parts.written)


class _Parts:
    """Parts of a repaired text, written one by one."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.opened: list[str] = []
        """Brackets that are not closed yet."""
        self.last = ""
        """Kind of the last part: a bracket, comma or colon, or ``v`` for a value or name."""

    def value(self, text: str) -> None:
        """Write a value or name; a comma was forgotten if another stands before it."""
        self.written += [",", text] if self.last == "v" else [text]
        self.last = "v"

    def open(self, bracket: str) -> bool:
        """Write an opening bracket."""
        self.value(bracket)
        self.opened.append(bracket)
        self.last = bracket
        return True

    def close(self, _: str) -> bool:
        """Write the bracket that closes the last one; return False if none is open."""
        if not self.opened:
            return False
        if self.last == ",":
            self.written.pop()
        elif self.last == ":":
            self.written.append("null")
        self.written.append("}" if self.opened.pop() == "{" else "]")
        self.last = "v"
        return True

    def comma(self, _: str) -> bool:
        """Write a comma, unless there is nothing before it; a value was forgotten behind a colon."""
        if self.last in ("v", ":"):
            self.written += ["null", ","] if self.last == ":" else [","]
            self.last = ","
        return True

    def colon(self, _: str) -> bool:
        """Write a colon."""
        self.written.append(":")
        self.last = ":"
        return True


def _word(word: str) -> str:
    """Return a word without quotes as JSON: a number, a constant, or a text."""
    plain = _WORDS.get(word, word)
    return plain if _LITERAL.fullmatch(plain) else json.dumps(plain)


def _text(script: str, opening: str, start: int) -> tuple[str, int]:
    """Return a text of a script as JSON, and where it ends."""
    closing = _QUOTES[opening]
    at = start
    while (end := script.find(closing, at)) >= 0:
        before = end
        while before > start and script[before - 1] == "\\":
            before -= 1
        if (end - before) % 2 == 0 and _ENDS_TEXT.match(script, end + 1):
            break
        at = end + 1
    end = len(script) if end < 0 else end
    inner = _BAD_ESCAPE.sub(_escape, script[start:end])
    return f'"{inner}"', end + 1


def _escape(found: re.Match[str]) -> str:
    if found[1]:
        return found[0]
    if found[2]:
        return f"\\u00{found[2]}"
    return '\\"' if found[4] else found[3]
