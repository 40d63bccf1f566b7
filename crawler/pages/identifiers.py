"""The shop's own id of a product: from labels, and from the address."""

import hashlib
import re
from urllib.parse import parse_qsl, unquote, urlsplit

from crawler.pages.labels import labelled
from crawler.pages.visible import Visible

__all__ = ["find_id", "id_from_url", "id_of_last_resort"]

_NEAR = 40
"""Runs between heading and label up to which the label belongs to the heading's product."""
_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,38}[A-Za-z0-9])?")
_QUERY = (
    *("id", "pid", "sku", "item", "item_id", "productid", "product_id", "product", "prodid"),
    *("goods_id", "goodsid", "pno", "num_iid"),
)
"""Query parameters that name a product, the likeliest first."""
_TRAILING = re.compile(r"(?:^|[-_.,~]|(?<=[a-z]))((?:[a-z]{0,6}\d[a-z\d]*(?:-[a-z\d]{1,6})?|\d{3,}))$", re.IGNORECASE)
_LEADING = re.compile(r"(?:[A-Z]{1,4}-?)?\d{4,}(?=[-_.])")
_KEY = re.compile(r"[A-Z0-9]{8,14}")
"""A segment that is a key as a whole, in capitals: ``/dp/B00EXAMPLE``."""
_EXTENSION = re.compile(r"\.(?:html?|php|aspx?|jsp|do)$", re.IGNORECASE)


def find_id(seen: Visible) -> tuple[str, bool] | None:
    """Return the value of the first label that names the shop's own id: ``SKU:``, ``Art.-Nr.``, ``货号：``.

    Returns:
        The id, which holds a digit and no white space, and whether it stands near the product's heading.
    """
    title = seen.title_span
    for index, value in labelled(seen, "own_ids", longest=60):
        first = value.split()[0]
        if _VALUE.fullmatch(first) and any(c.isdigit() for c in first) and value == first:
            return first, title[0] - _NEAR <= index <= title[1] + _NEAR
    return None


def id_from_url(url: str) -> str | None:
    """Return the id that a product's address carries: a query parameter, or digits that end or begin a path segment.

    ``?id=562283240178``, ``/itm/302474151804``, ``/shirt-w712550a.html``, ``/product/name/140212369``,
    ``/item/93133869_a-name``. None where the address is words alone.
    """
    try:
        parts = urlsplit(url)
        query = {name.lower(): value for name, value in parse_qsl(parts.query)}
    except ValueError:
        return None
    for name in _QUERY:
        value = query.get(name, "")
        if re.fullmatch(r"[\w-]{2,40}", value) and any(c.isdigit() for c in value):
            return value
    segments = [_EXTENSION.sub("", unquote(segment)) for segment in parts.path.split("/") if segment]
    for segment in reversed(segments[-3:]):
        if found := _from_segment(segment):
            return found
    last = _TRAILING.search(segments[-1]) if segments else None
    return last[1] if last and last[1].isdigit() else None


def _from_segment(segment: str) -> str | None:
    if _KEY.fullmatch(segment) and any(c.isdigit() for c in segment):
        return segment
    found = _TRAILING.search(segment)
    if found and sum(c.isdigit() for c in found[1]) >= 3:
        return found[1]
    leading = _LEADING.match(segment)
    return leading[0] if leading else None


def id_of_last_resort(url: str) -> str:
    """Return a stable id where the shop shows none: ``u`` and the start of the canonical address's SHA-256, hex."""
    return "u" + hashlib.sha256(url.encode()).hexdigest()[:15]
