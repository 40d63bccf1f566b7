"""URLs: resolving, cleaning and normalising them, and the product ids in them."""

import hashlib
import re
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

__all__ = ["absolute", "clean_url", "id_from_url", "id_of_last_resort", "normalise", "same_site", "without_secrets"]

_MAX_LENGTH = 4096
"""Longest URL resolved, in characters."""
_MAX_PAGE_URL = 2_000
"""Longest URL of a page, in characters."""
_SPACE = re.compile(r"[\t\n\r]")
_TRACKING = re.compile(
    r"""utm_\w+|[gfd]clid|gclsrc|msclkid|yclid|mc_[ce]id|igshid|_ga|spm|scm|_openstat|ref_?src
    |(?:php|asp|j|c)?sess?ion_?id|phpsessid|jsessionid|aspsessionid\w*|sid""",
    re.IGNORECASE | re.VERBOSE,
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_PLAIN = re.compile(r"https?://[A-Za-z0-9.-]+(?:[/?][^\s#]*)?")
"""An absolute URL that resolving would not change: plain host, no port, no fragment."""
_PATH = re.compile(r"(?:/[\w%~-]+(?:\.\w+)?)+/?(?:\?[\w=&%+-]+)?")
"""A path from the root that resolving would not change."""
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?=/)")
_DEFAULT_PORT = {"http": ":80", "https": ":443"}
_TWIN_HOST = re.compile(r"^(?:www|m|mobile)\.")


def absolute(base: str, reference: str) -> str | None:
    """Resolve ``reference`` against ``base``; None unless the result is an http or https URL.

    The fragment is dropped. Spaces become ``%20``, as in a browser.
    """
    reference = _SPACE.sub("", reference.strip())
    if not reference or len(reference) > _MAX_LENGTH:
        return None
    if "\\" in reference:  # browsers read a backslash as a slash
        reference = reference.replace("\\", "/")
    if reference.startswith("//"):
        reference = base.partition("//")[0] + reference
    if _PLAIN.fullmatch(reference):  # ten times as fast as resolving, and most URLs match
        return reference
    if _PATH.fullmatch(reference) and (origin := _ORIGIN.match(base)):
        return origin[0] + reference
    return _resolve(base, reference)


@lru_cache(maxsize=1024)
def _resolve(base: str, reference: str) -> str | None:
    try:
        parts = urlsplit(urljoin(base, reference))
        parts.port  # noqa: B018  raises for a bad port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return urlunsplit(parts._replace(fragment="")).replace(" ", "%20")


def clean_url(url: str) -> str:
    """Return ``url`` without fragment, tracking and session parameters, default port and upper-case host.

    The order of the other parameters is kept because some shops depend on it. A URL that cannot be parsed is
    returned unchanged.
    """
    try:
        parts = urlsplit(url.strip())
        query = parse_qsl(parts.query, keep_blank_values=True)
        host = _host(parts)
    except ValueError:
        return url
    kept = [(name, value) for name, value in query if not _TRACKING.fullmatch(name)]
    text = parts.query if len(kept) == len(query) else urlencode(kept)
    path = _SESSION_IN_PATH.sub("", parts.path) or "/"
    return urlunsplit((parts.scheme.lower(), host, path, text, ""))


def _host(parts: SplitResult) -> str:
    return parts.netloc.lower().removesuffix(_DEFAULT_PORT.get(parts.scheme.lower(), ":"))


def same_site(one: str, other: str) -> bool:
    """Return whether two URLs have the same host, apart from ``www.``, ``m.`` and ``mobile.``."""
    try:
        hosts = [_TWIN_HOST.sub("", (urlsplit(url).hostname or "")) for url in (one, other)]
    except ValueError:
        return False
    return hosts[0] == hosts[1]


def normalise(url: str, base: str = "", encoding: str = "utf-8") -> str | None:
    """Return the canonical spelling of a URL, or None if it is not the URL of a page.

    The result is absolute, percent-encoded as in a browser, without fragment, tracking and session parameters, and
    with the host in lower case.

    Args:
        url: A URL, relative to ``base`` if one is given.
        base: URL of the page that contains it.
        encoding: Encoding of that page, which browsers use for the query strings of its links.
    """
    found = absolute(base or url, url)
    if found is None or len(found) > _MAX_PAGE_URL:
        return None
    try:
        return clean_url(safe_url_string(found, encoding=encoding))
    except (ValueError, LookupError):
        return None


def without_secrets(url: str) -> str:
    """Return a URL for messages and logs: without a password or key in it, and without its query."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    place, _, query = rest.partition("?")
    host, slash, path = place.partition("/")
    user, at, name = host.rpartition("@")
    return f"{scheme}://{'***@' if at and user else ''}{name}{slash}{path}{'?***' if query else ''}"


_QUERY = (
    *("id", "pid", "sku", "item", "item_id", "productid", "product_id", "product", "prodid"),
    *("goods_id", "goodsid", "pno", "num_iid"),
)
"""Query parameters that identify a product, the likeliest first."""
_TRAILING = re.compile(r"(?:^|[-_.,~]|(?<=[a-z]))((?:[a-z]{0,6}\d[a-z\d]*(?:-[a-z\d]{1,6})?|\d{3,}))$", re.IGNORECASE)
_LEADING = re.compile(r"(?:[A-Z]{1,4}-?)?\d{4,}(?=[-_.])")
_KEY = re.compile(r"[A-Z0-9]{8,14}")
"""A path segment that is an id as a whole, in capitals: ``/dp/B00EXAMPLE``."""
_MAX_ID = 40
_EXTENSION = re.compile(r"\.(?:html?|php|aspx?|jsp|do)$", re.IGNORECASE)


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
    if leading and any(c.isdigit() for c in segment[leading.end() :]):
        return segment if len(segment) <= _MAX_ID else None  # 2001_19 and 2001_20 are two products
    return leading[0] if leading else None


def id_of_last_resort(url: str) -> str:
    """Return a stable id for a page without one: ``u`` and the start of the SHA-256 of the canonical URL in hex."""
    return "u" + hashlib.sha256(url.encode()).hexdigest()[:15]
