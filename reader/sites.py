"""Page objects of single shops whose pages have no markup."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal

from lxml import html

from core.money import stored_price
from core.records import Specification
from reader.product_page import ProductPage, field
from reader.text import fold
from reader.url_ids import id_from_url

__all__ = ["SITE_RULES", "JdPage", "TaobaoPage", "TmallPage", "listed_specs"]

_MAX = 1_000
"""Maximum rows of a table that are read."""
_COLON = re.compile(r"\s*[:：]\s*")


def listed_specs(items: Iterable[html.HtmlElement], without: frozenset[str] = frozenset()) -> tuple[Specification, ...]:
    """Return a specification for each ``name：value`` item, without the names in ``without``."""
    specs: list[Specification] = []
    for item in items:
        name, *rest = _COLON.split(fold(item.text_content()), maxsplit=1)
        if name and rest and rest[0] and name not in without:
            specs.append(Specification(name, rest[0]))
    return tuple(specs)


_JD_IMAGES = re.compile(r"imageList\s*:\s*\[([^\]]*)\]")
_QUOTED = re.compile(r'"([^"]+)"')
_NO_SPECS = frozenset(("店铺", "商品名称", "商品编号"))
"""Rows that repeat other fields, or name the merchant, who must not get into a table."""


class JdPage(ProductPage):
    """A JD product page."""

    @field
    def native_id(self) -> str | None:
        """The number in the URL. The 货号 among the attributes is an id of the merchant."""
        return id_from_url(self.document.url)

    @field
    def caption(self) -> str | None:
        """The product's name above the price."""
        names = self.document.tree.xpath("//div[@class='sku-name']")
        return fold(names[0].text_content()) or None if names else None

    @field
    def category(self) -> tuple[str, ...]:
        """The first three steps of the breadcrumb; brand and product follow."""
        items = self.document.tree.xpath("//div[contains(@class, 'crumb ')][ancestor::div[@id='crumb-wrap']]/div/a")
        return tuple(name for item in items[:3] if (name := fold(item.text_content())))

    @field
    def specs(self) -> tuple[Specification, ...]:
        """The attribute lists, then the table of the second tab."""
        tree = self.document.tree
        listed = listed_specs(tree.xpath("//ul[contains(@class, 'p-parameter-list')]/li"), _NO_SPECS)
        names = tree.xpath("//dt[ancestor::div[@class='Ptable']]")[:_MAX]
        values = [next(name.itersiblings("dd"), None) for name in names]
        table = [
            (fold(name.text_content()), fold(value.text_content()))
            for name, value in zip(names, values, strict=True)
            if value is not None
        ]
        return (*listed, *(Specification(name, value) for name, value in table if name and value))

    @field
    def image_urls(self) -> tuple[str, ...]:
        """Images of the gallery script, 800 pixels wide."""
        found = _JD_IMAGES.search(self.document.text)
        paths = _QUOTED.findall(found[1]) if found else []
        urls = [self.document.absolute(f"https://img13.360buyimg.com/n1/s800x800_{path}") for path in paths]
        return tuple(dict.fromkeys(url for url in urls if url))

    def merchant_name(self) -> str | None:
        """The shop name among the attributes."""
        found = [
            spec.value
            for spec in listed_specs(self.document.tree.xpath("//ul[contains(@class, 'parameter2')]/li"))
            if spec.property == "店铺"
        ]
        return found[0] if found else None


_TAOBAO_IMAGES = re.compile(r"auctionImages\s*:\s*(\[[^\]]*\])")
_SHOP = re.compile(r"""shopName\s*:\s*'((?:[^'\\]|\\.)*)'""")


class TaobaoPage(ProductPage):
    """A Taobao product page."""

    @field
    def native_id(self) -> str | None:
        """The ``id`` parameter of the URL."""
        return id_from_url(self.document.url)

    @field
    def caption(self) -> str | None:
        """The heading, an ``h3`` here."""
        titles = self.document.tree.xpath("//h3[contains(@class, 'tb-main-title')]")
        return (titles[0].get("data-title") or fold(titles[0].text_content())) if titles else None

    @field
    def specs(self) -> tuple[Specification, ...]:
        """The attribute list. The variant pickers above it repeat some of its names."""
        return listed_specs(self.document.tree.xpath("//ul[contains(@class, 'attributes-list')]/li"))

    @field
    def image_urls(self) -> tuple[str, ...]:
        """Full images from the gallery script. The page itself shows thumbnails."""
        found = _TAOBAO_IMAGES.search(self.document.text)
        try:
            urls = json.loads(found[1]) if found else []
        except ValueError:
            urls = []
        urls = [self.document.absolute(url) for url in urls if isinstance(url, str)]
        return tuple(dict.fromkeys(url for url in urls if url))

    @field
    def price(self) -> Decimal | None:
        """The lowest price of the variants. Scripts load offers of the day."""
        shown = self.document.tree.xpath("string(//*[contains(@class, 'tb-rmb-num')][ancestor::*[@id='J_StrPrice']])")
        return stored_price(str(shown))

    @field
    def currency(self) -> str | None:
        """Yuan."""
        return "CNY" if self.price is not None else None

    def merchant_name(self) -> str | None:
        """Name of the shop in a script."""
        found = _SHOP.search(self.document.text)
        try:
            return str(json.loads(f'"{found[1]}"')) or None if found else None
        except ValueError:
            return None


_THUMBNAIL = re.compile(r"_\d+x\d+(?:q\d+)?\.(?:jpg|png|webp).*$")


class TmallPage(ProductPage):
    """A Tmall product page."""

    @field
    def native_id(self) -> str | None:
        """The ``id`` parameter of the URL."""
        return id_from_url(self.document.url)

    @field
    def caption(self) -> str | None:
        """The heading of the product. The first ``h1`` is the logo of the site."""
        titles = self.document.tree.xpath("//h1[ancestor::div[contains(@class, 'tb-detail-hd')]]")
        return fold(titles[0].text_content()) or None if titles else None

    @field
    def specs(self) -> tuple[Specification, ...]:
        """The attribute list."""
        return listed_specs(self.document.tree.xpath("//ul[@id='J_AttrUL']/li"))

    @field
    def image_urls(self) -> tuple[str, ...]:
        """Full images of the gallery. The URL of a thumbnail is that of the full image plus a suffix."""
        sources = self.document.tree.xpath("//img[ancestor::ul[@id='J_UlThumb']]/@src")
        urls = [self.document.absolute(_THUMBNAIL.sub("", str(source))) for source in sources]
        return tuple(dict.fromkeys(url for url in urls if url))

    @field
    def price(self) -> Decimal | None:
        """The lowest price of the variants. Scripts load offers of the day."""
        shown = self.document.tree.xpath(
            "string(//*[contains(@class, 'tm-price')][not(*)][ancestor::*[@id='J_StrPriceModBox']])"
        )
        return stored_price(str(shown))

    @field
    def currency(self) -> str | None:
        """Yuan."""
        return "CNY" if self.price is not None else None

    def merchant_name(self) -> str | None:
        """Name of the shop next to its logo."""
        names = self.document.tree.xpath("//a[contains(@class, 'slogo-shopname')]")
        return fold(names[0].text_content()) or None if names else None


SITE_RULES: dict[str, type[ProductPage]] = {
    "item.jd.com": JdPage,
    "item.taobao.com": TaobaoPage,
    "detail.tmall.com": TmallPage,
}
"""Host -> page object of its product pages. To add a shop, write a page object and register it here."""
