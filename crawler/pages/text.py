"""Text as a reader sees it: white space folded, markup and invisible characters gone."""

import html
import re

__all__ = ["fold", "plain"]

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL)
_BREAK = re.compile(r"<(?:br|/p|/li|/div|/tr|/h\d)\b[^<>]*>", re.IGNORECASE)


def fold(text: str) -> str:
    """Return ``text`` with each stretch of white space as one space, without invisible characters."""
    folded = " ".join(text.split())
    return folded if folded.isascii() else " ".join(folded.translate(_INVISIBLE).split())


def plain(text: str) -> str:
    """Return text that may hold entities (once or twice over) and tags, as markup readers find it, as plain text."""
    for _ in range(2):
        if "&" not in text:
            break
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub(" ", text))
    return fold(text)
