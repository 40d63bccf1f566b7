"""Spellings of one target: how people write a URL or an id, and how the workspace stores it."""

import html
import re
import unicodedata
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

from core.urls import clean_url, normalise

__all__ = ["common_part", "spellings", "url_key"]

_TWIN_HOST = re.compile(r"^(?:www|m|mobile)\.")
_DEFAULT_PORT = re.compile(r":(?:80|443)$")
_ASCII_RUN = re.compile(r"[A-Za-z0-9_-]{3,}")


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


def _whole(url: str) -> str:
    """Return what a person copied as a URL with a scheme."""
    text = html.unescape(url.strip().strip("<>\"'"))
    if text.startswith("//"):
        return f"http:{text}"
    return text if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) and "://" in text else f"http://{text}"
