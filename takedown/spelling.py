"""Spellings of one target: how people write a URL or an id, and how the workspace stores it."""

import html
import re
import unicodedata
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

from core.urls import absolute, clean_url, normalise

__all__ = ["bare_url", "common_part", "id_as_stored", "is_url", "spellings", "url_key"]

_TWIN_HOST = re.compile(r"^(?:www|m|mobile)\.")
_DEFAULT_PORT = re.compile(r":(?:80|443)$")
_HTTP = re.compile(r"https?:", re.IGNORECASE)
_MARKED = re.compile(r"\[[^\]]*\]\((?P<markdown>[^\s)]+)\)|view-source:(?P<source>\S+)")
"""A link as markdown writes it, or as browsers show a page's source."""
_ID = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9_-]*)\s*:\s*(?!//)(.*\S)\s*", re.DOTALL)
_ASCII_RUN = re.compile(r"[A-Za-z0-9_-]{3,}")
_QUOTES = " \t\r\n<>\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_ENDS = ".,;:!?"


def url_key(url: str) -> str:
    """Return a text that all spellings of a URL share.

    Schemes, ``www.`` and ``m.``, percent-encoding, a closing slash, the order of parameters, and tracking parameters
    do not count.
    """
    text = _whole(url)
    try:
        parts = urlsplit(clean_url(text))
        query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return text
    host = _TWIN_HOST.sub("", _DEFAULT_PORT.sub("", parts.netloc.rpartition("@")[2].lower()))
    with suppress(UnicodeError):
        host = host.encode("ascii").decode("idna")
    path = unquote(parts.path).rstrip("/")
    return unicodedata.normalize("NFC", f"{host}{path}" + "".join(f"\n{name}={value}" for name, value in query))


def spellings(url: str) -> set[str]:
    """Return a URL as written and as the crawl stores it, under both schemes, with and without a closing slash."""
    text = _whole(url)
    found = {url, text, normalise(text) or text}
    found |= {
        re.sub(r"^https?:", f"{scheme}:", one, flags=re.IGNORECASE) for one in found for scheme in ("http", "https")
    }
    return found | {one.rstrip("/") for one in found} | {f"{one}/" for one in found if not {"?", "#"} & set(one)}


def common_part(url: str) -> str:
    """Return the longest ASCII part that all spellings of a URL contain, unless one encodes letters needlessly."""
    host, *rest = url_key(url).partition("/")
    return max(_ASCII_RUN.findall("".join(rest)) or _ASCII_RUN.findall(host), key=len, default="")


def is_url(text: str) -> bool:
    """Return whether a browser would open what a person wrote."""
    return absolute("", _whole(text)) is not None


def bare_url(text: str) -> str:
    """Return the URL in what a person copied, without quotes, brackets, punctuation or invisible characters around it.

    A link in markdown, ``view-source:`` and ``hxxp`` are understood as well.
    """
    found = _visible(text).lstrip(_QUOTES).rstrip(_QUOTES + _ENDS)
    if match := _MARKED.fullmatch(found):
        found = match["markdown"] or match["source"]
    found = re.sub(r"^hxxp(s?):", r"http\1:", found.removeprefix("("), flags=re.IGNORECASE)
    while found.endswith(")") and found.count(")") > found.count("("):
        found = found[:-1].rstrip(_QUOTES + _ENDS)
    return found


def id_as_stored(text: str) -> str:
    """Return a product's id without what copying adds to it, as ``source:native_id`` is stored.

    White space and quotes around it and its colon, invisible characters and full-width letters do not count, nor does
    the case of the source.
    """
    match = _ID.fullmatch(unicodedata.normalize("NFKC", _visible(text)).strip(_QUOTES))
    return f"{match[1].lower()}:{match[2]}" if match else text


def _visible(text: str) -> str:
    """Return a text without characters that nobody sees, such as marks of byte order and zero-width spaces."""
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def _whole(url: str) -> str:
    """Return what a person wrote as a URL with a scheme."""
    text = html.unescape(url.strip().strip("<>\"'"))
    if text.startswith("//"):
        return f"http:{text}"
    has_scheme = _HTTP.match(text) or (re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) and "://" in text)
    return text if has_scheme else f"http://{text}"
