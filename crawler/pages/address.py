"""Addresses: made absolute, and rid of what does not name the page."""

import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

__all__ = ["absolute", "clean_url", "same_site"]

_MAX_LENGTH = 4096
_SPACE = re.compile(r"[\t\n\r]")
_TRACKING = re.compile(
    r"""utm_\w+|[gfd]clid|gclsrc|msclkid|yclid|mc_[ce]id|igshid|_ga|spm|scm|_openstat|ref_?src
    |(?:php|asp|j|c)?sess?ion_?id|phpsessid|jsessionid|aspsessionid\w*|sid""",
    re.IGNORECASE | re.VERBOSE,
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_PLAIN = re.compile(r"https?://[A-Za-z0-9.-]+(?:[/?][^\s#]*)?")
"""An absolute address that resolving would not change: plain host, no port, no fragment."""
_DEFAULT_PORT = {"http": ":80", "https": ":443"}
_TWIN_HOST = re.compile(r"^(?:www|m|mobile)\.")


def absolute(base: str, reference: str) -> str | None:
    """Resolve ``reference`` against ``base``; None unless it becomes an http or https address.

    The fragment is dropped; spaces become ``%20``, as in a browser.
    """
    reference = _SPACE.sub("", reference.strip())
    if not reference or len(reference) > _MAX_LENGTH:
        return None
    if reference.startswith("//"):
        reference = base.partition("//")[0] + reference
    if _PLAIN.fullmatch(reference):  # most addresses are, and this is ten times as fast as resolving
        return reference
    try:
        parts = urlsplit(urljoin(base, reference))
        parts.port  # noqa: B018  a bad port shows only when asked for
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return urlunsplit(parts._replace(fragment="")).replace(" ", "%20")


def clean_url(url: str) -> str:
    """Return ``url`` without fragment, tracking and session parameters, default port and upper-case host.

    The order of the other parameters is kept: some shops depend on it. An address that cannot be
    read at all comes back as it is.
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
    """Tell whether two addresses are on one host, ``www.``, ``m.`` and ``mobile.`` aside."""
    try:
        hosts = [_TWIN_HOST.sub("", (urlsplit(url).hostname or "")) for url in (one, other)]
    except ValueError:
        return False
    return hosts[0] == hosts[1]
