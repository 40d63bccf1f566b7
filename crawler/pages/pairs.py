"""Names and values that stand beside each other in the visible text: rows, lists, lines with a colon."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from lxml import html

from crawler.pages.visible import Run, Visible

__all__ = ["MAX_NAME", "MAX_VALUE", "Group", "Pair", "alternating_pairs", "labelled_pairs", "paired_rows"]

MAX_NAME = 60
"""Longest name of a property, characters; the longest met on real pages had 55."""
MAX_VALUE = 1000
"""Longest value, characters: lists of ingredients are long, descriptions longer."""

Part = tuple[int, int, html.HtmlElement | None]
"""Runs of an element's text: the first, the one after the last, and the child that holds them (None: its own)."""

_MAX_RUNS = 100
"""Runs of one value; more are a text."""
_COLON = ":：∶"
_INLINE_PAIR = re.compile(r"^[\s•·*\-–—■◆●▪►✓]*([^:：]{1,60}?)\s*(?:(?<!\d):|:(?!\d)|：)(?!//)\s*(\S.*)$", re.DOTALL)
_BRACKETED = re.compile(r"^[【\[]([^】\]]{1,40})[】\]]\s*[:：]?\s*(\S.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pair:
    """One name with its value."""

    name: str
    """Without its colon."""
    value: str
    start: int
    """Index of the run that holds the name."""
    end: int
    """Index after the last run of the value."""
    colon: bool
    """A colon says that it is a name."""


@dataclass(frozen=True, slots=True)
class Group:
    """Pairs that stand together."""

    pairs: tuple[Pair, ...]
    container: html.HtmlElement
    """Smallest element that holds them all."""
    kind: str
    """``table``, ``dl`` or ``list``."""


def labelled_pairs(seen: Visible) -> Iterator[tuple[Pair, html.HtmlElement]]:
    """Yield the pairs whose name ends in a colon, each with the smallest element that holds both.

    ``Width: 53 cm`` in one run; ``<b>Width:</b> 53 cm`` on one line; ``<h4>Width:</h4><p>53 cm</p>``.
    """
    runs = seen.runs
    heading = seen.title_span
    for index, run in enumerate(runs):
        if heading[0] <= index < heading[1]:
            continue
        if run.text[-1] in _COLON or (index + 1 < len(runs) and runs[index + 1].text in _COLON):
            yield from _split_label(seen, index)
        elif found := _INLINE_PAIR.match(run.text) or _BRACKETED.match(run.text):
            end = _line_end(runs, index)
            value = found[2] if end == index + 1 else f"{found[2]} {seen.text(index + 1, end)}"
            yield Pair(found[1].strip(), value, index, end, colon=True), run.element


def _line_end(runs: list[Run], index: int) -> int:
    """Return the index after the last run on the line of ``runs[index]``."""
    end = index + 1
    last = min(len(runs), index + _MAX_RUNS)
    while end < last and runs[end].line == runs[index].line:
        end += 1
    return end


def _is_label(runs: list[Run], index: int) -> bool:
    return runs[index].text[-1] in _COLON and len(runs[index].text) > 1


def _split_label(seen: Visible, index: int) -> Iterator[tuple[Pair, html.HtmlElement]]:
    """Find the value of the label at ``index``: the rest of its line, else what follows it in its row."""
    runs = seen.runs
    name = runs[index].text.rstrip(_COLON + " ")
    after = index + 1
    if after < len(runs) and not runs[after].text.strip(_COLON):
        after += 1
    row = _row_of(seen, index, after)
    if not name or row is None or len(name) > MAX_NAME:
        return
    last = min(seen.spans[row][1], index + _MAX_RUNS)
    end = after
    while end < last and runs[end].line == runs[index].line and not _is_label(runs, end):
        end += 1
    if end == after:
        end = _next_part_end(seen, row, after, last)
    if end > after and not _is_label(runs, after):
        yield Pair(name, seen.text(after, end), index, end, colon=True), row


def _row_of(seen: Visible, index: int, after: int) -> html.HtmlElement | None:
    """Return the smallest element that holds the label and something behind it."""
    element: html.HtmlElement | None = seen.runs[index].element
    while element is not None:
        span = seen.spans.get(element)
        if span is not None and span[1] > after:
            return element
        element = element.getparent()
    return None


def _next_part_end(seen: Visible, row: html.HtmlElement, after: int, last: int) -> int:
    """Return where the part of ``row`` that starts with run ``after`` ends, at most before the next label."""
    end = after + 1
    element: html.HtmlElement | None = seen.runs[after].element
    while element is not None and element is not row:
        end = max(end, seen.spans[element][1])
        element = element.getparent()
    end = min(end, last)
    for index in range(after, end):
        if _is_label(seen.runs, index):
            return index
    return end


def parts_of(seen: Visible, element: html.HtmlElement) -> list[Part]:
    """Return the parts that an element's text falls into: its child elements, and its own text between them."""
    start, end = seen.spans[element]
    parts: list[Part] = []
    at = start
    for child in element:
        span = seen.spans.get(child)
        if span is None:
            continue
        if span[0] > at:
            parts.append((at, span[0], None))
        parts.append((*span, child))
        at = span[1]
    if at < end:
        parts.append((at, end, None))
    return parts


def paired_rows(seen: Visible) -> Iterator[tuple[Pair, html.HtmlElement]]:
    """Yield rows of exactly two parts, the first one run long, with the row's element: candidates without a colon."""
    for element, (start, end) in seen.spans.items():
        if end - start < 2 or end - start > 40:
            continue
        first = seen.runs[start]
        if len(first.text) > MAX_NAME or first.text[-1] in _COLON:
            continue
        parts = parts_of(seen, element)
        if len(parts) == 2 and parts[0][1] - parts[0][0] == 1 and parts[0][2] is not None:
            value = seen.text(parts[1][0], parts[1][1])
            if len(value) <= MAX_VALUE and value[0] not in _COLON:
                yield Pair(first.text, value, start, end, colon=False), element


_TITLES = frozenset(["h3", "h4", "h5", "h6", "strong", "b", "dt", "label"])


def alternating_pairs(seen: Visible) -> Iterator[tuple[Pair, html.HtmlElement]]:
    """Yield titles and what follows each, where an element holds at least three by turns: ``h4 div h4 div``."""
    for element, (start, end) in seen.spans.items():
        if end - start < 6:
            continue
        titled = [child.tag for child in element if child.tag in _TITLES]
        if len(titled) < 3:
            continue
        parts = parts_of(seen, element)
        for part, following in pairwise(parts):
            alone = part[1] - part[0] == 1 and seen.runs[part[0]].line != seen.runs[following[0]].line
            value = following[2] is not None and not _is_title(following, titled[0])
            if alone and value and _is_title(part, titled[0]):
                yield _titled(seen, part, following), element


def _is_title(part: Part, tag: str) -> bool:
    return part[2] is not None and part[2].tag == tag


def _titled(seen: Visible, title: Part, following: Part) -> Pair:
    return Pair(seen.runs[title[0]].text, seen.text(following[0], following[1]), title[0], following[1], colon=False)
