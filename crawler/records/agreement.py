"""Test of whether two pages that share a canonical URL or an id show the same product."""

import re
import unicodedata

from crawler.pages.outcome import Claims

__all__ = ["FORM", "url_form", "why_same_product"]

FORM = "URL but for its numbers"
"""What pages share that may show the sizes of one product."""
_DIGITS = re.compile(r"\d+")

_TOKEN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u4e00-\u9fff]+")
"""A word, or a character of a language without spaces."""
_ALIKE = 0.6
"""Share of the words of the shorter caption that the longer one has, from which they name the same product."""


def why_same_product(one: Claims, other: Claims, shared: str) -> str:
    """Return in words what two pages have in common beside a canonical URL or id; empty if too little.

    A canonical URL, or an id that stands on the page, is what the shop says; shops are wrong about it where a template
    repeats one for all pages. So a further thing must agree: the GTIN, the caption by most of its words, or the main
    image. An id guessed from the URL is our word alone: GTIN, price and the whole caption must agree, where both pages
    have them.

    Args:
        one: What a page says.
        other: What the other page says.
        shared: What they share: ``canonical URL``, ``id`` or ``FORM``.
    """
    guessed = one.guessed or other.guessed
    if shared == FORM:
        return _why_alike(one, other)
    if shared == "id" and guessed:
        return _why_guessed(one, other)
    both_gtins = bool(one.gtin and other.gtin)
    if shared == "id" and both_gtins and one.gtin != other.gtin:
        return ""
    both_captions = bool(one.caption and other.caption)
    signs = {
        f"the same {shared} and GTIN": both_gtins and one.gtin == other.gtin,
        f"the same {shared} and a similar caption": both_captions and _share(one.caption, other.caption) >= _ALIKE,
        f"the same {shared} and main image": bool(one.image) and one.image == other.image,
        "the same canonical URL and id": shared != "id" and one.id == other.id and not guessed,
        "the same canonical URL, and no captions to compare": shared != "id" and not both_captions,
    }
    return next((why for why, holds in signs.items() if holds), "")


def _why_guessed(one: Claims, other: Claims) -> str:
    pairs = ((one.gtin, other.gtin), (one.price, other.price))
    if any(a and b and a != b for a, b in pairs) or not one.caption or _words(one.caption) != _words(other.caption):
        return ""
    return "the same id in the URL, caption and price"


def _why_alike(one: Claims, other: Claims) -> str:
    """Return why two pages are sizes of one product: nothing but numbers in their URLs tells them apart."""
    guessed = one.guessed and other.guessed and not one.gtin and not other.gtin
    said = bool(one.caption and one.price and one.image)
    alike = (one.caption, one.price, one.image) == (other.caption, other.price, other.image)
    return "the same caption, price, main image and URL but for its numbers" if guessed and said and alike else ""


def url_form(url: str) -> str:
    """Return a URL without its numbers."""
    return _DIGITS.sub("0", url)


def _share(one: str, other: str) -> float:
    first, second = set(_words(one)), set(_words(other))
    fewer = min(len(first), len(second))
    return len(first & second) / fewer if fewer else 0.0


def _words(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
