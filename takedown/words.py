"""Finding and blanking of an item's names in unparsed bytes: pages, logs, databases."""

import html
import json
import re
from collections.abc import Collection, Iterator
from urllib.parse import quote, unquote

__all__ = ["Words"]

_URL = re.compile(rb"""(?:https?:)?(?:\\?/){2}[^\s"'<>\x00-\x1f]+""", re.IGNORECASE)
_HASH = re.compile(rb"(?<![0-9A-Za-z])[0-9a-f]{64}(?![0-9A-Za-z])")
_TRAILING = ".,;:!)]}"
_ENCODINGS = ("utf-8", "gb18030")
"""Encodings of pages and logs; GB 18030 includes GBK and GB 2312."""

_SPACE = rb"(?:\s|&nbsp;|\\[nt])+"


class Words:
    """The URLs, texts and ids that name an item.

    Args:
        urls: Whole http(s) URLs, found under either scheme, escaped or not, and with a query added.
        texts: Captions and names, found in all common escapes and encodings, white space folded.
        ids: Product ids, found if no letter, digit, colon, dot or dash is adjacent.
        hashes: SHA-256 hashes of stored objects, in hex.
    """

    def __init__(
        self,
        urls: Collection[str] = (),
        texts: Collection[str] = (),
        ids: Collection[str] = (),
        hashes: Collection[str] = (),
    ) -> None:
        self._hashes = frozenset(one.encode() for one in hashes)
        self._urls = frozenset(form for url in urls for form in _url_forms(url))
        self._starts = {form.split()[0] for text in texts if text.strip() for form in _text_forms(text)}
        self._starts |= {form for name in ids for form in _text_forms(name)}
        patterns = [_text_pattern(form) for text in texts if text.strip() for form in _text_forms(text)]
        patterns += [_id_pattern(form) for name in ids for form in _text_forms(name)]
        patterns.sort(key=lambda pattern: (-len(pattern), pattern))
        self._texts = re.compile(b"|".join(patterns)) if patterns else None

    def found_in(self, data: bytes) -> bool:
        """Return whether ``data`` names the item."""
        if self._names_it(data) or any(self._is_url(match[0]) for match in _URL.finditer(data)):
            return True
        return bool(self._hashes) and any(match[0] in self._hashes for match in _HASH.finditer(data))

    def blank(self, data: bytes) -> bytes:
        """Return ``data`` without the item's names."""
        if self._urls:
            data = _URL.sub(lambda match: b"" if self._is_url(match[0]) else match[0], data)
        if self._hashes:
            data = _HASH.sub(lambda match: b"" if match[0] in self._hashes else match[0], data)
        return self._texts.sub(b"", data) if self._texts and self._names_it(data) else data

    def _names_it(self, data: bytes) -> bool:
        if self._texts is None or not any(start in data for start in self._starts):
            return False
        return self._texts.search(data) is not None

    def _is_url(self, found: bytes) -> bool:
        plain = html.unescape(found.decode(errors="replace")).replace("\\/", "/").rstrip(_TRAILING + "\\")
        plain = re.sub(r"^https?:", "", plain, flags=re.IGNORECASE)
        forms = {plain, plain.partition("#")[0], plain.partition("?")[0], unquote(plain)}
        return not self._urls.isdisjoint(forms)


def _url_forms(url: str) -> set[str]:
    plain = re.sub(r"^https?:", "", url, flags=re.IGNORECASE).partition("#")[0]
    return {plain, unquote(plain)}


def _text_forms(text: str) -> Iterator[bytes]:
    """Yield the spellings of a text in pages, scripts and URLs."""
    folded = " ".join(text.split())
    spellings = {folded, html.escape(folded), html.escape(folded, quote=False)}
    spellings |= {json.dumps(folded)[1:-1], json.dumps(folded, ensure_ascii=False)[1:-1]}
    spellings |= {quote(folded, safe=""), quote(folded, safe="").replace("%20", "+")}
    forms = {spelling.encode(encoding) for spelling in spellings for encoding in _ENCODINGS}
    yield from sorted(forms)


def _text_pattern(form: bytes) -> bytes:
    whole = _SPACE.join(re.escape(word) for word in form.split(b" "))
    return rb"(?<![A-Za-z0-9])" + whole + rb"(?![A-Za-z0-9])"


def _id_pattern(form: bytes) -> bytes:
    return rb"(?<![\w:.-])" + re.escape(form) + rb"(?![\w:-]|\.\w)"
