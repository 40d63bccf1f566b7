"""How an item is named in bytes that nobody parses: pages, logs, databases."""

import html
import json
import re
from collections.abc import Collection, Iterator
from urllib.parse import quote, unquote

__all__ = ["Words"]

_ADDRESS = re.compile(rb"""(?:https?:)?(?:\\?/){2}[^\s"'<>\x00-\x1f]+""", re.IGNORECASE)
_TRAILING = ".,;:!)]}"
_ENCODINGS = ("utf-8", "gb18030")
"""Those of pages and logs; GB 18030 holds GBK and GB 2312."""

_SPACE = rb"(?:\s|&nbsp;|\\[nt])+"


class Words:
    """The addresses, texts and ids that name an item.

    Args:
        addresses: Whole http(s) addresses; known by either scheme, escaped or not, with another query behind.
        texts: Captions and names, found in any of the usual escapes and encodings, white space folded.
        ids: Product ids, found where no letter, digit, colon, dot or dash stands beside them.
    """

    def __init__(self, addresses: Collection[str] = (), texts: Collection[str] = (), ids: Collection[str] = ()) -> None:
        self._addresses = frozenset(form for address in addresses for form in _address_forms(address))
        self._starts = {form.split()[0] for text in texts if text.strip() for form in _text_forms(text)}
        self._starts |= {form for name in ids for form in _text_forms(name)}
        patterns = [_text_pattern(form) for text in texts if text.strip() for form in _text_forms(text)]
        patterns += [_id_pattern(form) for name in ids for form in _text_forms(name)]
        patterns.sort(key=lambda pattern: (-len(pattern), pattern))
        self._texts = re.compile(b"|".join(patterns)) if patterns else None

    def found_in(self, data: bytes) -> bool:
        """Tell whether anything of the item is named."""
        return self._names_it(data) or any(self._is_address(match[0]) for match in _ADDRESS.finditer(data))

    def blank(self, data: bytes) -> bytes:
        """Return ``data`` without what names the item."""
        if self._addresses:
            data = _ADDRESS.sub(lambda match: b"" if self._is_address(match[0]) else match[0], data)
        return self._texts.sub(b"", data) if self._texts and self._names_it(data) else data

    def _names_it(self, data: bytes) -> bool:
        if self._texts is None or not any(start in data for start in self._starts):
            return False
        return self._texts.search(data) is not None

    def _is_address(self, found: bytes) -> bool:
        plain = html.unescape(found.decode(errors="replace")).replace("\\/", "/").rstrip(_TRAILING + "\\")
        plain = re.sub(r"^https?:", "", plain, flags=re.IGNORECASE)
        forms = {plain, plain.partition("#")[0], plain.partition("?")[0], unquote(plain)}
        return not self._addresses.isdisjoint(forms)


def _address_forms(address: str) -> set[str]:
    plain = re.sub(r"^https?:", "", address, flags=re.IGNORECASE).partition("#")[0]
    return {plain, unquote(plain)}


def _text_forms(text: str) -> Iterator[bytes]:
    """Yield the spellings of a text in pages, scripts and addresses."""
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
