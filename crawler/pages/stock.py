"""Whether the product can be bought now, from what the page says where no markup does."""

import re

from crawler.pages.visible import Visible
from crawler.pages.vocabulary import anywhere, squash
from crawler.pages.zones import words
from m5data.records import Availability

__all__ = ["find_availability"]

_CLASS_OUT = re.compile(r"(?:^|[\s_-])(?:out-?of-?stock|sold-?out|unavailable|no-?stock)(?:$|[\s_-])")
_CLASS_IN = re.compile(r"(?:^|[\s_-])(?:in-?stock|add-?to-?(?:cart|basket|bag)|buy-?now)(?:$|[\s_-])")
_COUNT = re.compile(r"\b\d+ (?:available|in stock)")
_REACH = 150
"""Runs behind the heading that are looked at: beyond them stand other products and small print."""
_LONGEST = 120


def find_availability(seen: Visible) -> Availability | None:
    """Return what the first statement behind the product's heading says; None where nothing is said.

    A sold-out size stands in a list of sizes and does not count: only lines of their own do.
    """
    start, end = seen.title_span
    for index in range(start, min(len(seen.runs), end + _REACH)):
        run = seen.runs[index]
        if run.hidden or len(run.text) > _LONGEST or start <= index < end:
            continue
        text, names = squash(run.text), words(run.element.get("class") or "")
        if (anywhere("out_of_stock").search(text) or _CLASS_OUT.search(names)) and not _is_option(seen, index):
            return "OutOfStock"
        if anywhere("in_stock").search(text) or _COUNT.search(text) or _CLASS_IN.search(names):
            return "InStock"
    return None


def _is_option(seen: Visible, index: int) -> bool:
    """Tell whether a run stands in a list of choices."""
    element = seen.runs[index].element
    for _ in range(3):
        parent = element.getparent()
        if element.tag in ("li", "option", "label") or "swatch" in (element.get("class") or ""):
            return True
        if parent is None:
            return False
        element = parent
    return False
