"""URLs: resolving, cleaning and normalising them."""

import re
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

__all__ = ["absolute", "clean_url", "normalise", "same_site", "without_secrets"]

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
