"""Product pages of Tmall (``detail.tmall.com``), served as GBK: attributes in ``#J_AttrUL``, gallery of thumbnails."""

import re
from decimal import Decimal

from crawler.pages.fields import field
from crawler.pages.identifiers import id_from_url
from crawler.pages.price import shown_price
from crawler.pages.product_page import ProductPage
from crawler.pages.sites.listed_specs import listed_specs
from crawler.pages.text import fold
from m5data.records import Specification

__all__ = ["TmallPage"]

_THUMBNAIL = re.compile(r"_\d+x\d+(?:q\d+)?\.(?:jpg|png|webp).*$")


class TmallPage(ProductPage):
    """A Tmall product page."""

    @field
    def native_id(self) -> str | None:
        """The ``id`` parameter of the address."""
        return id_from_url(self.document.url)

    @field
    def caption(self) -> str | None:
        """The product's heading; the first ``h1`` is the site's logo."""
        titles = self.document.tree.xpath("//div[contains(@class, 'tb-detail-hd')]//h1")
        return fold(titles[0].text_content()) or None if titles else None

    @field
    def specs(self) -> tuple[Specification, ...]:
        """The attribute list."""
        return listed_specs(self.document.tree.xpath("//ul[@id='J_AttrUL']/li"))

    @field
    def image_urls(self) -> tuple[str, ...]:
        """The gallery's pictures in full: a thumbnail's address is the full one's and a suffix."""
        sources = self.document.tree.xpath("//ul[@id='J_UlThumb']//img/@src")
        urls = [self.document.absolute(_THUMBNAIL.sub("", str(source))) for source in sources]
        return tuple(dict.fromkeys(url for url in urls if url))

    @field
    def price(self) -> Decimal | None:
        """The lowest of the variants' prices; offers of the day come by script."""
        shown = self.document.tree.xpath("string(//*[@id='J_StrPriceModBox']//*[contains(@class, 'tm-price')][not(*)])")
        return shown_price(str(shown))[0]

    @field
    def currency(self) -> str | None:
        """Yuan."""
        return "CNY" if self.price is not None else None

    def merchant_name(self) -> str | None:
        """The shop's name beside its logo."""
        names = self.document.tree.xpath("//a[contains(@class, 'slogo-shopname')]")
        return fold(names[0].text_content()) or None if names else None
