"""Product ids in URLs."""

import hashlib
import re
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["fallback_id", "id_from_url", "is_no_id"]

_QUERY = (
    *("id", "pid", "sku", "item", "item_id", "productid", "product_id", "product", "prodid"),
    *("goods_id", "goodsid", "pno", "num_iid"),
)
"""Query parameters that identify a product, the likeliest first."""
_TRAILING = re.compile(r"(?:^|[-_.,~]|(?<=[a-z]))((?:[a-z]{0,6}\d[a-z\d]*(?:-[a-z\d]{1,6})?|\d{3,}))$", re.IGNORECASE)
_SHORT = re.compile(r"(?:^|[-_.,~]|(?<=[a-z]))(\d{1,2})$")
"""A short number at the end of the last segment."""
_INDEX = re.compile(r"index(?:\W|\d|[a-f\d]{4}$|$)", re.IGNORECASE)
"""A name that tools which save sites give to the page of a folder."""
_MEASURE = re.compile(
    r"(?:19|20)\d\d|\d{1,2}-(?:19|20)\d\d|\d+(?:[mck]?l|[mk]?g|[mck]?m|oz|lbs?|in(?:ch)?|[mk]?w|v|m?ah|[gt]b|p|k|pcs?|pack)",
    re.IGNORECASE,
)
"""A year, a date or a quantity at the end of words: a part of the product's name."""
_LEADING = re.compile(r"(?:[A-Z]{1,4}-?)?\d{4,}(?=[-_.])")
_KEY = re.compile(r"[A-Z0-9]{8,14}")
"""A path segment that is an id as a whole, in capitals: ``/dp/B00EXAMPLE``."""
_MAX_ID = 40
_EXTENSION = re.compile(r"\.(?:html?|php|aspx?|jsp|do)$", re.IGNORECASE)
_OF_A_URL = re.compile(
    r"[?=﹖]|\.(?:x?html?|php\d?|aspx?|jsp|cgi|jpe?g|png|gif|webp|avif|svg|pdf|css|js)$", re.IGNORECASE
)
"""Characters that separate the parts of a URL, one as tools that save sites write it, and endings of files."""


def id_from_url(url: str) -> str | None:
    """Return the product id in a URL: a query parameter, or digits at the end or start of a path segment.

    ``?id=562283240178``, ``/itm/302474151804``, ``/shirt-w712550a.html``, ``/product/name/140212369``,
    ``/item/93133869_a-name``. None if the URL has words only.
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
    while segments and _INDEX.match(segments[-1]):
        segments.pop()
    for segment in reversed(segments[-3:]):
        found = _from_segment(segment)
        if found and not is_no_id(found):
            return found
    last = _SHORT.search(segments[-1]) if segments else None
    return last[1] if last else None


def is_no_id(text: str) -> bool:
    """Return whether a text is a piece of a URL, such as a query or a file, and therefore no product id."""
    return _OF_A_URL.search(text) is not None


def _from_segment(segment: str) -> str | None:
    if _KEY.fullmatch(segment) and any(c.isdigit() for c in segment):
        return segment
    found = _TRAILING.search(segment)
    if found and sum(c.isdigit() for c in found[1]) >= 3 and not (found.start() and _MEASURE.fullmatch(found[1])):
        return found[1]
    leading = _LEADING.match(segment)
    if leading and any(c.isdigit() for c in segment[leading.end() :]):
        return segment if len(segment) <= _MAX_ID else None  # 2001_19 and 2001_20 are two products
    return leading[0] if leading else None


def fallback_id(url: str) -> str:
    """Return a stable id for a page without one: ``u`` and the start of the SHA-256 of the canonical URL in hex."""
    return "u" + hashlib.sha256(url.encode()).hexdigest()[:15]
