"""Product pages of JD (``item.jd.com``), served as GBK or UTF-8 from one template."""

import re

from crawler.pages.fields import field
from crawler.pages.identifiers import id_from_url
from crawler.pages.product_page import ProductPage
from crawler.pages.sites.listed_specs import listed_specs
from crawler.pages.text import fold
from m5data.records import Specification

__all__ = ["JdPage"]

_IMAGES = re.compile(r"imageList\s*:\s*\[([^\]]*)\]")
_ADDRESS = re.compile(r'"([^"]+)"')
_NO_SPECS = frozenset(("店铺", "商品名称", "商品编号"))
"""Rows that say what other fields hold; the merchant must be in no table."""


class JdPage(ProductPage):
    """A JD product page."""

    @field
    def native_id(self) -> str | None:
        """The number in the address; the 货号 among the attributes is the merchant's own."""
        return id_from_url(self.document.url)

    @field
    def caption(self) -> str | None:
        """The product's name above the price."""
        names = self.document.tree.xpath("//div[@class='sku-name']")
        return fold(names[0].text_content()) or None if names else None

    @field
    def category(self) -> tuple[str, ...]:
        """The breadcrumb's first three steps; behind them stand brand and product."""
        items = self.document.tree.xpath("//div[@id='crumb-wrap']//div[contains(@class, 'crumb ')]/div/a")
        return tuple(name for item in items[:3] if (name := fold(item.text_content())))

    @field
    def specs(self) -> tuple[Specification, ...]:
        """The attribute lists, then the table of the second tab."""
        tree = self.document.tree
        listed = listed_specs(tree.xpath("//ul[contains(@class, 'p-parameter-list')]/li"), _NO_SPECS)
        names = tree.xpath("//div[@class='Ptable']//dt")
        values = tree.xpath("//div[@class='Ptable']//dt/following-sibling::dd[1]")
        table = [
            (fold(name.text_content()), fold(value.text_content())) for name, value in zip(names, values, strict=False)
        ]
        return (*listed, *(Specification(name, value) for name, value in table if name and value))

    @field
    def image_urls(self) -> tuple[str, ...]:
        """Pictures of the gallery's script, 800 pixels wide."""
        found = _IMAGES.search(self.document.text)
        paths = _ADDRESS.findall(found[1]) if found else []
        urls = [self.document.absolute(f"https://img13.360buyimg.com/n1/s800x800_{path}") for path in paths]
        return tuple(dict.fromkeys(url for url in urls if url))

    def merchant_name(self) -> str | None:
        """The shop among the attributes."""
        found = [
            spec.value
            for spec in listed_specs(self.document.tree.xpath("//ul[contains(@class, 'parameter2')]/li"))
            if spec.property == "店铺"
        ]
        return found[0] if found else None
