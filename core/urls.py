"""URLs: resolving and cleaning them as browsers do (WHATWG URL standard)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ada_url import join_url, normalize_url, parse_url

from core.texts import encode_text

__all__ = [
    "UrlParts",
    "absolute",
    "clean_url",
    "escape_location",
    "normalise",
    "same_site",
    "spell_octets",
    "split_url",
    "without_secrets",
]

_MAX_LENGTH = 4096
"""Longest URL resolved, in characters."""
_MAX_PAGE_URL = 2_000
"""Longest URL of a page, in characters."""
_HOST = r"(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}"
"""A name that the standard leaves as it is: no number, no punycode."""
_PLAIN = re.compile(rf"(https?)://({_HOST}(?::[1-9][0-9]{{3}}|:[1-5][0-9]{{4}})?)(/[A-Za-z0-9_~&=,:@/?.-]*)")
"""An absolute URL that parsing would not change, unless a segment begins with a dot."""
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_]+)?)+/?(?:\?[A-Za-z0-9_=&%+-]+)?")
"""A path from the root that resolving would not change."""
_ORIGIN = re.compile(rf"https?://{_HOST}(?=/)")
_TWIN_HOST = re.compile(r"^(?:www|m|mobile)\.")


class UrlParts(NamedTuple):
    """The parts of a URL that a request needs."""

    scheme: str
    authority: str
    """Host and, unless it is the scheme's default, port."""
    target: str
    """Path and query."""


def absolute(base: str, reference: str, encoding: str = "utf-8") -> str | None:
    """Resolve ``reference`` against ``base``; None unless the result is an http or https URL.

    The fragment is dropped. Everything else is as browsers request it: dot segments are removed, also escaped ones,
    illegal characters are escaped, and all other escapes stay as they were published.

    Args:
        base: URL of the page that contains the reference; empty: the reference must be absolute.
        reference: As published.
        encoding: Encoding of the page, in which browsers write the query strings of its links.
    """
    if not reference or reference.isspace() or len(reference) > _MAX_LENGTH:
        return None
    if encoding != "utf-8":
        reference = _encode_query(reference, encoding)
    if _PLAIN.fullmatch(reference) and "/." not in reference:  # ten times as fast as resolving, and most URLs match
        return reference
    if _PATH.fullmatch(reference) and (origin := _ORIGIN.match(base)):
        return origin[0] + reference
    return _resolve(base, reference)


@lru_cache(maxsize=1024)
def _resolve(base: str, reference: str) -> str | None:
    try:
        found = join_url(base, reference) if base else normalize_url(reference)
    except ValueError:
        return None
    return found.partition("#")[0] if found.startswith(("http://", "https://")) else None


def split_url(url: str) -> UrlParts | None:
    """Return the parts of an absolute URL of any scheme, read as browsers do; None if it is malformed."""
    if (plain := _PLAIN.fullmatch(url)) and "/." not in plain[3]:
        return UrlParts(plain[1], plain[2], plain[3])
    try:
        parts = parse_url(url, attributes=("href", "protocol", "host", "pathname", "search"))
    except ValueError:
        return None
    query = parts["search"] or ("?" if "?" in parts["href"].partition("#")[0] else "")  # an empty query is sent too
    return UrlParts(parts["protocol"].rstrip(":"), parts["host"], parts["pathname"] + query)


def escape_location(value: str) -> str:
    """Return a ``Location`` header with each byte that is not ASCII escaped, as browsers and curl send it.

    Args:
        value: The header, decoded as UTF-8 with surrogate escapes for other bytes.
    """
    raw = value.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in raw)


_TRACKING = re.compile(
    r"utm_\w+|mtm_\w+|gad_\w+|[gfd]clid|(?:fb|tt|tw)clid|[gw]braid|gclsrc|srsltid|msclkid|yclid|mc_[ce]id|mkt_tok|igshid"
    r"|_ga|_gl|_hsenc|_hsmi|spm|scm|_openstat|ref_?src",
    re.IGNORECASE,
)
_SESSION = re.compile(
    r"(?:php|asp|j|c)?sess?ion_?id|phpsessid|jsessionid|aspsessionid\w*|cfid|cftoken|s?sid|zenid|oscsid", re.IGNORECASE
)
_IN_PATH = re.compile(r";([A-Za-z_]+)=([^/?#;]*)")
_NODE = re.compile(r"[.!:].*", re.DOTALL)
"""What application servers write behind a session id: the node that it lives on."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _is_session(name: str, value: str) -> bool:
    """Return whether a parameter carries a session id: it is named so, and long and random.

    A short value, a number or a phrase of words may name the page itself (``sid=12``). SURT, by which web archives
    compare URLs, removes 32 letters and digits; PHP writes 26 by default, ASP 24 capitals.
    """
    if not _SESSION.fullmatch(name):
        return False
    token = _NODE.sub("", value)
    if not _TOKEN.fullmatch(token):
        return False
    if name.lower().startswith("asp") and token.isalpha() and token.isupper():
        return True
    mixed = any(c.isdigit() for c in token) and any(c.isalpha() for c in token)
    words = re.search(r"[_-]", token) and not re.search(r"[A-Z]", token)
    return mixed and (not words or _UUID.fullmatch(token) is not None)


def clean_url(url: str) -> str:
    """Return an absolute URL in its canonical spelling, without fragment, tracking and session parameters.

    The order of the other parameters is kept because some shops depend on it. A URL that cannot be parsed is
    returned unchanged.
    """
    found = absolute("", url)
    if found is None:
        return url
    base, mark, query = found.partition("?")
    if ";" in base:
        base = _IN_PATH.sub(lambda one: "" if _is_session(one[1], one[2]) else one[0], base)
    if mark and query:
        kept = "&".join(_without_visitors(query.split("&")))
        query, mark = kept, "?" if kept else ""
    return spell_octets(base + mark + query)


def _without_visitors(pairs: Iterable[str]) -> Iterable[str]:
    """Yield the parameters that do not name a visitor or where it comes from."""
    for pair in pairs:
        name, _, value = pair.partition("=")
        name = unquote(name)
        if not (_TRACKING.fullmatch(name) or _is_session(name, unquote(value))):
            yield pair


_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~")
"""RFC 3986, 2.3, without the dot: two of them would become a dot segment."""


def spell_octets(text: str) -> str:
    """Return a URL with one spelling for each escape: plain where it needs none, else in capitals (RFC 3986, 6.2.2)."""
    return _ESCAPED.sub(_spell, text) if "%" in text else text


def _spell(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def same_site(one: str, other: str) -> bool:
    """Return whether two URLs have the same host, apart from ``www.``, ``m.`` and ``mobile.``."""
    try:
        hosts = [_TWIN_HOST.sub("", (urlsplit(url).hostname or "")) for url in (one, other)]
    except ValueError:
        return False
    return hosts[0] == hosts[1]


def normalise(url: str, base: str = "", encoding: str = "utf-8") -> str | None:
    """Return the canonical spelling of a URL, by which it is compared and requested; None if no page has it.

    The result is absolute, escaped as in a browser, without fragment, tracking and session parameters.

    Args:
        url: A URL, relative to ``base`` if one is given.
        base: URL of the page that contains it.
        encoding: Encoding of that page.
    """
    found = absolute(base, url, encoding)
    return None if found is None or len(found) > _MAX_PAGE_URL else clean_url(found)


_FOREIGN = re.compile(r"[^\x00-\x7f]+|[\x0e\x0f\x1b]")
_IN_QUERY = frozenset(range(0x21, 0x7F)) - frozenset(b"\"#<>'&;")
"""Bytes of an encoded character that stay as they are; ``&`` and ``;`` come only from a character reference."""


def _encode_query(reference: str, encoding: str) -> str:
    """Return a reference with the query escaped in an encoding (URL standard, "percent-encode after encoding")."""
    base, mark, query = reference.partition("#")[0].partition("?")
    if not _FOREIGN.search(query):
        return reference
    shifts = encoding.lower() == "iso-2022-jp"

    def escape(found: re.Match[str]) -> str:
        if found[0].isascii() and not shifts:
            return found[0]
        raw = encode_text("\ufffd" if found[0].isascii() else found[0], encoding)
        return "".join(chr(byte) if byte in _IN_QUERY else f"%{byte:02X}" for byte in raw)

    return base + mark + _FOREIGN.sub(escape, query)


def without_secrets(url: str) -> str:
    """Return a URL for messages and logs: without a password or key in it, and without its query."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    place, _, query = rest.partition("?")
    host, slash, path = place.partition("/")
    user, at, name = host.rpartition("@")
    return f"{scheme}://{'***@' if at and user else ''}{name}{slash}{path}{'?***' if query else ''}"
