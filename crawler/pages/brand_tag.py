"""The brand that a page names beside its heading, where neither markup nor specifications do."""

import re

from lxml import html

from crawler.pages.labels import labelled
from crawler.pages.visible import Run, Visible
from crawler.pages.zones import words

__all__ = ["find_brand"]

_CALLED = re.compile(r"(?:^|[\s_-])(?:brand|brandname|manufacturer|byline|designer|vendor)(?:$|[\s_-])")
_AROUND = re.compile(r"^(?:by|von|par|de|da|visit the|brand:?|marca:?)\s+|\s+store$", re.IGNORECASE)
_NEAR = 25
"""Runs before and behind the heading that are looked at."""
_MAX = 50


def find_brand(seen: Visible) -> str | None:
    """Return what stands behind a label such as ``Brand:``, or in an element called ``brand``, near the heading."""
    start, end = seen.title_span
    near = range(start - _NEAR, end + _NEAR)
    if start == end:
        return None
    if behind := next((value for index, value in labelled(seen, "brands", longest=_MAX) if index in near), None):
        return behind
    for index in range(max(0, start - _NEAR), min(len(seen.runs), end + _NEAR)):
        run = seen.runs[index]
        if run.hidden or len(run.text) > _MAX:
            continue
        if _is_called_brand(run) and (name := _AROUND.sub("", run.text)) and any(c.isalpha() for c in name):
            return name
    return None


def _is_called_brand(run: Run) -> bool:
    element: html.HtmlElement | None = run.element
    for _ in range(3):
        if element is None:
            return False
        names = f"{element.get('class', '')} {element.get('id', '')} {element.get('itemprop', '')}"
        if len(names) > 2 and _CALLED.search(words(names)):
            return len(element.text_content().strip()) <= _MAX
        element = element.getparent()
    return False
