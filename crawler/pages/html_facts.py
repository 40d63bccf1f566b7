"""Facts of a product in plain HTML, for pages without markup."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property

from lxml import html

from crawler.pages.breadcrumbs import find_breadcrumb
from crawler.pages.document import Document
from crawler.pages.media_urls import find_images, find_videos
from crawler.pages.prices import find_price
from crawler.pages.specs import find_specs
from crawler.pages.text import anywhere, as_a_whole, at_start, squash
from crawler.pages.visible import Run, Visible, words
from m5data.records import Availability

__all__ = ["HtmlFacts"]

_COLON = re.compile(r"\s*[:：]\s*")
_AROUND = " \t:：#№.•*-|"
_MAX_WORDS = 6


def _labelled(seen: Visible, name: str, longest: int) -> Iterator[tuple[int, str]]:
    """Yield run index and value of each label, such as ``SKU: 123`` or ``Sold by X``, in page order.

    A label is a run, or the start of a run, that is a word of the vocabulary. Its value is the rest of the run,
    else the next run.

    Args:
        seen: The visible text.
        name: Name of the vocabulary.
        longest: Longest value, characters.
    """
    words, start = as_a_whole(name), at_start(name)
    for index, run in enumerate(seen.runs):
        if len(run.text) > longest + 60 or not start.match(squash(run.text)):
            continue
        value = _value_behind(run.text, words)
        if value == "" and index + 1 < len(seen.runs):
            behind = index + 2 if seen.runs[index + 1].text in ":：" and index + 2 < len(seen.runs) else index + 1
            value = seen.runs[behind].text.strip(_AROUND)
        if value and len(value) <= longest:
            yield index, value


def _value_behind(text: str, words: re.Pattern[str]) -> str | None:
    """Return the text after the label of a run: empty if the label stands alone, None if there is no label."""
    label, *rest = _COLON.split(text, maxsplit=1)
    if rest:
        return rest[0].strip() if words.fullmatch(squash(label.strip(_AROUND))) else None
    parts = text.split()
    for count in range(min(_MAX_WORDS, len(parts)), 0, -1):
        label = " ".join(parts[:count]).strip(_AROUND)
        if label and words.fullmatch(squash(label)):
            value = " ".join(parts[count:]).strip(_AROUND)
            # A word that starts a sentence ("Store hours") is no label; "sold by" is, and so are a word and a number.
            number = len(parts) == count + 1 and any(c.isdigit() for c in value)
            return value if not value or count > 1 or number else None
    return None


_NEAR_ID = 40
"""Runs between heading and label up to which the label belongs to the product of the heading."""
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,38}[A-Za-z0-9])?")


def find_id(seen: Visible) -> tuple[str, bool] | None:
    """Return the value of the first label for the shop's own id: ``SKU:``, ``Art.-Nr.``, ``货号：``.

    Returns:
        The id, with a digit and without white space, and whether it stands near the heading of the product.
    """
    title = seen.title_span
    for index, value in _labelled(seen, "own_ids", longest=60):
        first = value.split()[0]
        if _ID.fullmatch(first) and any(c.isdigit() for c in first) and value == first:
            return first, title[0] - _NEAR_ID <= index <= title[1] + _NEAR_ID
    return None


_CALLED = re.compile(r"(?:^|[\s_-])(?:brand|brandname|manufacturer|byline|designer|vendor)(?:$|[\s_-])")
_AROUND_BRAND = re.compile(r"^(?:by|von|par|de|da|visit the|brand:?|marca:?)\s+|\s+store$", re.IGNORECASE)
_NEAR_BRAND = 25
"""Runs before and after the heading that are searched."""
_MAX_BRAND = 50


def find_brand(seen: Visible) -> str | None:
    """Return the text after a label such as ``Brand:``, or of an element of class ``brand``, near the heading."""
    start, end = seen.title_span
    near = range(start - _NEAR_BRAND, end + _NEAR_BRAND)
    if start == end:
        return None
    if behind := next((value for index, value in _labelled(seen, "brands", longest=_MAX_BRAND) if index in near), None):
        return behind
    for index in range(max(0, start - _NEAR_BRAND), min(len(seen.runs), end + _NEAR_BRAND)):
        run = seen.runs[index]
        if run.hidden or len(run.text) > _MAX_BRAND:
            continue
        if _is_called_brand(run) and (name := _AROUND_BRAND.sub("", run.text)) and any(c.isalpha() for c in name):
            return name
    return None


def _is_called_brand(run: Run) -> bool:
    element: html.HtmlElement | None = run.element
    for _ in range(3):
        if element is None:
            return False
        names = f"{element.get('class', '')} {element.get('id', '')} {element.get('itemprop', '')}"
        if len(names) > 2 and _CALLED.search(words(names)):
            return len(element.text_content().strip()) <= _MAX_BRAND
        element = element.getparent()
    return False


_MAX_SELLER = 80


def find_merchant(seen: Visible) -> str | None:
    """Return the text after the first label of a seller (``店铺：``, ``Sold by``). It is found only to be hashed."""
    found = (value for _, value in _labelled(seen, "sellers", longest=_MAX_SELLER))
    return next((value for value in found if any(c.isalpha() for c in value)), None)


_CLASS_OUT = re.compile(r"(?:^|[\s_-])(?:out-?of-?stock|sold-?out|unavailable|no-?stock)(?:$|[\s_-])")
_CLASS_IN = re.compile(r"(?:^|[\s_-])(?:in-?stock|add-?to-?(?:cart|basket|bag)|buy-?now)(?:$|[\s_-])")
_COUNT = re.compile(r"\b\d+ (?:available|in stock)")
_REACH = 150
"""Runs after the heading that are searched; beyond them are other products and small print."""
_LONGEST = 120


def find_availability(seen: Visible) -> Availability | None:
    """Return the availability that the first statement after the heading of the product gives.

    A sold-out size in a list of sizes does not count.
    """
    start, end = seen.title_span
    for index in range(start, min(len(seen.runs), end + _REACH)):
        run = seen.runs[index]
        if run.hidden or len(run.text) > _LONGEST or start <= index < end:
            continue
        text, names = squash(run.text), words(run.element.get("class") or "")
        if (anywhere("out_of_stock").search(text) or _CLASS_OUT.search(names)) and not _is_option(seen, index):
            return "OutOfStock"
        if anywhere("in_stock").search(text) or _COUNT.search(text) or _CLASS_IN.search(names):
            return "InStock"
    return None


def _is_option(seen: Visible, index: int) -> bool:
    """Return whether a run stands in a list of options."""
    element = seen.runs[index].element
    for _ in range(3):
        parent = element.getparent()
        if element.tag in ("li", "option", "label") or "swatch" in (element.get("class") or ""):
            return True
        if parent is None:
            return False
        element = parent
    return False


_NO_NUMBER = re.compile(r"does not apply|n/?a|none|unknown|-+|не применимо|nicht zutreffend|无", re.IGNORECASE)
_GTIN = re.compile(r"\d{8}|\d{12,14}")


class HtmlFacts:
    """What the plain HTML says about a product. Fields are read on first access; the markup often suffices.

    It has the fields of ``Facts``.

    Args:
        document: The page.
        seen: Its visible text.
        names: All names of the product, the caption first. Images may have the caption as their description, and a
            breadcrumb may end in a name.
    """

    origin = "html"
    caption: str | None = None

    def __init__(self, document: Document, seen: Visible, names: Sequence[str]) -> None:
        self._document = document
        self._seen = seen
        self._names = names

    @cached_property
    def specs(self) -> list[tuple[str, str]]:
        """Specification tables and lists."""
        return find_specs(self._seen)

    @cached_property
    def category(self) -> tuple[str, ...]:
        """Breadcrumb."""
        return find_breadcrumb(self._document, self._names)

    @cached_property
    def brand(self) -> str | None:
        """Brand in the specifications."""
        return self._spec("brands")

    @cached_property
    def maker(self) -> str | None:
        """Manufacturer in the specifications, else the brand beside the heading: the last resort for a brand."""
        return self._spec("makers") or find_brand(self._seen)

    @property
    def price(self) -> Decimal | None:
        """The price shown."""
        return self._price[0] if self._price else None

    @property
    def prices(self) -> list[Decimal]:
        """The price shown."""
        return [self._price[0]] if self._price else []

    @property
    def currency(self) -> str | None:
        """Its currency."""
        return self._price[1] if self._price else None

    @cached_property
    def _price(self) -> tuple[Decimal, str | None] | None:
        return find_price(self._document, self._seen)

    @cached_property
    def availability(self) -> Availability | None:
        """Availability in the text."""
        return find_availability(self._seen)

    @cached_property
    def merchant_name(self) -> str | None:
        """Text after the label of a seller."""
        return find_merchant(self._seen)

    @property
    def sku(self) -> str | None:
        """Id after a label anywhere on the page."""
        return self._id[0] if self._id else None

    @property
    def sku_beside_title(self) -> str | None:
        """Id after a label near the heading of the product, so surely the id of this product."""
        return self._id[0] if self._id and self._id[1] else None

    @cached_property
    def _id(self) -> tuple[str, bool] | None:
        return find_id(self._seen)

    @cached_property
    def mpn(self) -> str | None:
        """Part number in the specifications."""
        found = self._spec("part_numbers")
        return None if found is None or _NO_NUMBER.fullmatch(found) else found

    @cached_property
    def gtin(self) -> str | None:
        """GTIN in the specifications."""
        found = re.sub(r"[\s-]", "", self._spec("gtins") or "")
        return found if _GTIN.fullmatch(found) else None

    @cached_property
    def image_urls(self) -> list[str]:
        """Images of the gallery."""
        return find_images(self._document, self._seen.title, next(iter(self._names), ""))

    @cached_property
    def video_urls(self) -> list[str]:
        """Files of video elements and of scripts of players."""
        return find_videos(self._document)

    def _spec(self, vocabulary: str) -> str | None:
        """Return the value of the first specification whose name is a word of a vocabulary."""
        names = as_a_whole(vocabulary)
        return next((value for name, value in self.specs if names.fullmatch(squash(name.strip()))), None)
