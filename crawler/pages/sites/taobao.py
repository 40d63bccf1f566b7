"""Product pages of Taobao (``item.taobao.com``): the id in the address, a list of attributes, pictures in a script."""

import json
import re
from decimal import Decimal

from crawler.pages.fields import field
from crawler.pages.identifiers import id_from_url
from crawler.pages.price import shown_price
from crawler.pages.product_page import ProductPage
from crawler.pages.sites.listed_specs import listed_specs
from crawler.pages.text import fold
from m5data.records import Specification

__all__ = ["TaobaoPage"]

_IMAGES = re.compile(r"auctionImages\s*:\s*(\[[^\]]*\])")
_SHOP = re.compile(r"""shopName\s*:\s*'((?:[^'\\]|\\.)*)'""")


class TaobaoPage(ProductPage):
    """A Taobao product page."""

    @field
    def native_id(self) -> str | None:
        """The ``id`` parameter of the address."""
        return id_from_url(self.document.url)

    @field
    def caption(self) -> str | None:
        """The heading, an ``h3`` here."""
        titles = self.document.tree.xpath("//h3[contains(@class, 'tb-main-title')]")
        return (titles[0].get("data-title") or fold(titles[0].text_content())) if titles else None

    @field
    def specs(self) -> tuple[Specification, ...]:
        """The attribute list; the variant pickers above it repeat some of its names."""
        return listed_specs(self.document.tree.xpath("//ul[contains(@class, 'attributes-list')]/li"))

    @field
    def image_urls(self) -> tuple[str, ...]:
        """Full pictures from the gallery's script; the page itself shows thumbnails."""
        found = _IMAGES.search(self.document.text)
        try:
            addresses = json.loads(found[1]) if found else []
        except ValueError:
            addresses = []
        urls = [self.document.absolute(address) for address in addresses if isinstance(address, str)]
        return tuple(dict.fromkeys(url for url in urls if url))

    @field
    def price(self) -> Decimal | None:
        """The lowest of the variants' prices; offers of the day come by script."""
        shown = self.document.tree.xpath("string(//*[@id='J_StrPrice']//*[contains(@class, 'tb-rmb-num')])")
        return shown_price(str(shown))[0]

    @field
    def currency(self) -> str | None:
        """Yuan."""
        return "CNY" if self.price is not None else None

    def merchant_name(self) -> str | None:
        """The shop's name, which only a script tells."""
        found = _SHOP.search(self.document.text)
        try:
            return str(json.loads(f'"{found[1]}"')) or None if found else None
        except ValueError:
            return None
