"""Values that no product has: placeholders of templates, texts of the page's interface, dates, types of shop software.

A refusal is by kind, never by shop or place, so that it holds in any field, language and software.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from reader.text import key_of, keys_of, squash, starts

__all__ = [
    "is_command",
    "is_date",
    "is_delivery_note",
    "is_interface",
    "is_missing",
    "is_paragraph",
    "is_shop_name",
    "is_software_type",
    "is_template",
]

_TEMPLATE = re.compile(
    r"\{\{|\}\}|\{%|%\}|<%|%>|\[\[|\]\]"  # {{ x }}, {% x %}, <%= x %>, [[x]]
    r"|[$#@]?\{\s*[A-Za-z_$][\w$.\[\]-]*\s*\}"  # {x}, ${x}, #{x}, @{x}
    r"|%(?:7B)+\w[\w.-]*%7D"  # {x} in a URL
    r"|%\d\$[sd]|(?<![\w%])%[sd](?![\w%])|%\(\w+\)[sd]"  # %s, %1$s, %(x)s
    r"|(?<![\w%])%%?[A-Z][A-Z0-9_]{2,}%%?(?!\w)|(?<![\w%])%[a-z]\w*_\w+%|%%\w+%%"  # %X%, %x_y%, %%x%%
    r"|(?<!\w)(?:__[A-Z][A-Z0-9_]*__|##\w+##|@@\w+@@)(?!\w)"
    r"|\[object \w+\]|\bfunction\s*\(|\breturn\s+\w+;"
)
_UNFILLED = re.compile(
    r"null|undefined|nan|n/?a|n\.a\.?"
    r"|\$[A-Za-z_][\w.>\[\]'-]*"  # $brand, $product->brand
    r"|@[A-Z]\w*(?:\.\w+)+"
    r"|(?:product|item|variant|data|props|state|config|settings|shop|store|page|window|this)s?(?:\??\.[A-Za-z_]\w*)+",
    re.IGNORECASE,
)
"""A text that is the name of a variable, or what a script writes for a missing value."""
_DATE = re.compile(
    r"(?:19|20)\d\d[-./年]\s?(?:0?[1-9]|1[0-2])[-./月]\s?(?:0?[1-9]|[12]\d|3[01])日?(?:[T\s].*)?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|3[01])[-./](?:19|20)?\d\d(?:\s.*)?"
    r"|(?:[^\W\d_]+\.?,?\s+)?\d{1,2}(?:st|nd|rd|th|er|\.|º)?,?\s+(?:of\s+|de\s+|del\s+)?[^\W\d_]{3,}\.?,?\s+(?:de\s+|del\s+)?(?:19|20)\d\d(?:\W.*)?"
    r"|[^\W\d_]{3,}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+(?:19|20)\d\d(?:\W.*)?"
    r"|\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]\.?m\.?)?",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^\W\d_]{2}[.!?]\s+[^\W\d_]|[。！？]\s*[^\W\d_]")
_PAUSE = re.compile(r"[,;/|•·、，；()]")
_MANY_WORDS = 30
"""Words from which a text with few commas is a paragraph, not a list of materials or ingredients."""
_FEW_PAUSES = 0.1
"""Commas and the like to a word, below which a long text is prose."""


@lru_cache(maxsize=16_384)
def is_template(text: str) -> bool:
    """Return whether a text has a placeholder that a script or a server should have filled in, or is a variable."""
    return _TEMPLATE.search(text) is not None or _UNFILLED.fullmatch(text.strip()) is not None


@lru_cache(maxsize=16_384)
def is_missing(text: str) -> bool:
    """Return whether a text says that there is no value: no letter or digit, ``n/a``, ``undefined``, ``нет``."""
    key = key_of(squash(text)).strip("_")
    return not key or key in keys_of("no_values")


@lru_cache(maxsize=16_384)
def is_interface(text: str) -> bool:
    """Return whether a text is as a whole a word of a page's buttons, tabs, forms and notices."""
    return key_of(squash(text)) in keys_of("interface")


@lru_cache(maxsize=16_384)
def is_command(text: str) -> bool:
    """Return whether a text tells a visitor what to do: ``View all lamps``, ``Manage 12 vendors``."""
    return _starts_with("commands", _NUMBER.sub("", squash(text)))


def _starts_with(vocabulary: str, squashed: str) -> bool:
    text = _NO_START.sub("", squashed)
    return text != "" and starts(vocabulary, text[0]).match(text) is not None


_NO_START = re.compile(r"^\W+")
_NUMBER = re.compile(r"\(?\b\d+\b\)?\s?")


@lru_cache(maxsize=4_096)
def is_date(text: str) -> bool:
    """Return whether a text is a date or a time of day."""
    return _DATE.fullmatch(text.strip()) is not None


@lru_cache(maxsize=4_096)
def is_software_type(text: str) -> bool:
    """Return whether a text is a type that shop software gives to a product or page: ``simple``, ``product``."""
    return key_of(squash(text)).replace("_", "") in keys_of("software_types")


@lru_cache(maxsize=4_096)
def is_delivery_note(text: str) -> bool:
    """Return whether a text says when or how an order arrives."""
    return _starts_with("delivery_notes", squash(text))


@lru_cache(maxsize=4_096)
def is_paragraph(text: str) -> bool:
    """Return whether a text is prose: several sentences, or many words without the commas of a list."""
    if len(text) > 120 and _SENTENCE.search(text):
        return True
    if len(text) > 60 and len(_SENTENCE.findall(text)) > 1:
        return True
    words = len(text.split())
    return words >= _MANY_WORDS and len(_PAUSE.findall(text)) < _FEW_PAUSES * words


def is_shop_name(key: str, shop_keys: Iterable[str]) -> bool:
    """Return whether a name, as ``key_of`` returns it, is one of a shop's names, part of one, or holds one."""
    return any(key == name or (min(len(key), len(name)) > 3 and (key in name or name in key)) for name in shop_keys)
