"""The place for a label's value: whether it is empty or a field of a form, so that no other text is taken for it."""

from lxml import html

__all__ = ["is_unfilled"]

_SLOTS = frozenset(("span", "div", "td", "dd", "p", "strong", "b", "em", "bdi", "data", "output", "meter"))
"""Elements that hold values; others without text, such as ``i``, draw icons and lines."""
_ROWS = frozenset(("li", "tr", "dt", "dd", "option"))
"""Elements that hold one label with its value; the next one has its own."""
_TYPED = frozenset((None, "", "text", "number", "tel", "email", "search", "date"))
"""Types of inputs that a visitor fills in."""
_FEW = 2
"""Items of a list that may be one label and its value."""


def is_unfilled(label: html.HtmlElement, value: html.HtmlElement) -> bool:
    """Return whether no value stands at a label, so that a text after it says something else.

    ``<li>SKU: <span></span></li><li>Availability</li>``; ``Qty: <select>…</select> Delivery in 3 days``.

    Args:
        label: Element that holds the text of the label.
        value: Element that holds the next text of the page.
    """
    around = {value, *value.iterancestors()}
    element = label
    while element not in around:
        empty = False
        for sibling in element.itersiblings():
            if sibling in around:
                return _has_field(sibling, value)
            if not isinstance(sibling.tag, str):
                continue
            if _has_field(sibling, None):
                return True
            empty = empty or _is_empty_slot(sibling)
            if sibling.tail and sibling.tail.strip():
                return False
        parent = element.getparent()
        if empty or parent is None or (parent.tag in _ROWS and parent not in around and _has_siblings(parent)):
            return True
        element = parent
    return False


def _has_field(element: html.HtmlElement, until: html.HtmlElement | None) -> bool:
    """Return whether an element is or has a field to fill in, before the element ``until``."""
    for one in element.iter("select", "textarea", "input") if until is None else element.iter():
        if one is until:
            return False
        if one.tag in ("select", "textarea") or (one.tag == "input" and one.get("type") in _TYPED):
            return True
    return False


def _is_empty_slot(element: html.HtmlElement) -> bool:
    return element.tag in _SLOTS and len(element) == 0 and not (element.text or "").strip()


def _has_siblings(row: html.HtmlElement) -> bool:
    """Return whether a row is one of several, so that the next one is not its value."""
    outer = row.getparent()
    if row.tag == "dt":
        following = row.getnext()
        return following is not None and following.tag == "dt"
    return outer is not None and sum(child.tag == row.tag for child in outer) > _FEW
