"""What the plain HTML of a page says: the reader that works where no markup does."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property

from crawler.pages.brand_tag import find_brand
from crawler.pages.breadcrumbs import find_breadcrumb
from crawler.pages.document import Document
from crawler.pages.gallery import find_images
from crawler.pages.html_specs import find_specs
from crawler.pages.identifiers import find_id
from crawler.pages.price_tag import find_price
from crawler.pages.sellers import find_merchant
from crawler.pages.stock import find_availability
from crawler.pages.video import find_videos
from crawler.pages.visible import Visible
from crawler.pages.vocabulary import as_a_whole, squash
from m5data.records import Availability

__all__ = ["HtmlFacts"]

_NO_NUMBER = re.compile(r"does not apply|n/?a|none|unknown|-+|не применимо|nicht zutreffend|无", re.IGNORECASE)
_GTIN = re.compile(r"\d{8}|\d{12,14}")


class HtmlFacts:
    """Findings in the plain HTML, each looked up when first asked for: most pages' markup answers for most.

    Args:
        document: The page.
        seen: Its visible text.
        names: All names of the product, the caption first: pictures may be described by it, a breadcrumb end in one.
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
        """Manufacturer in the specifications, else the brand beside the heading, for where nothing else says."""
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
        """What is said about stock."""
        return find_availability(self._seen)

    @cached_property
    def merchant_name(self) -> str | None:
        """Text behind a seller's label."""
        return find_merchant(self._seen)

    @property
    def sku(self) -> str | None:
        """Id behind a label, wherever it stands."""
        return self._id[0] if self._id else None

    @property
    def sku_beside_title(self) -> str | None:
        """Id behind a label near the product's heading: that one is surely this product's."""
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
        """Gallery."""
        return find_images(self._document, self._seen.title, next(iter(self._names), ""))

    @cached_property
    def video_urls(self) -> list[str]:
        """Video elements and players' scripts."""
        return find_videos(self._document)

    def _spec(self, vocabulary: str) -> str | None:
        """Return the value of the first specification whose whole name is a word of a vocabulary."""
        names = as_a_whole(vocabulary)
        return next((value for name, value in self.specs if names.fullmatch(squash(name.strip()))), None)
