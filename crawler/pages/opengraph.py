"""OpenGraph, product and Twitter meta elements as facts."""

from crawler.pages.document import Document
from crawler.pages.facts import Facts
from crawler.pages.price import currency_code, marked_price
from crawler.pages.text import plain

__all__ = ["opengraph_facts", "says_product"]

_PRICES = ("product:sale_price:amount", "product:price:amount", "og:price:amount", "product:price")
_CURRENCIES = ("product:sale_price:currency", "product:price:currency", "og:price:currency")
_AVAILABILITY = ("product:availability", "og:availability")


def says_product(document: Document) -> bool:
    """Tell whether the page declares itself a product in ``og:type``."""
    return any("product" in kind.lower() for kind in document.meta.get("og:type", ()))


def opengraph_facts(document: Document) -> Facts:
    """Read a page's meta elements. ``og:title`` is left to ``titles``: it often carries the shop's name."""
    facts = Facts(origin="opengraph")
    facts.currency = currency_code(_first(document, _CURRENCIES))
    amount = _first(document, _PRICES)
    facts.price = marked_price(amount, facts.currency) if amount else None
    facts.brand = plain(_first(document, ("product:brand", "og:brand")) or "") or None
    facts.sku = _first(document, ("product:retailer_item_id", "product:sku", "og:product_id"))
    facts.gtin = _first(document, ("product:ean", "product:upc", "product:isbn"))
    facts.mpn = _first(document, ("product:mfr_part_no",))
    said = (_first(document, _AVAILABILITY) or "").lower().replace(" ", "").replace("_", "")
    if said:
        facts.availability = "OutOfStock" if said in ("oos", "outofstock", "discontinued", "soldout") else "InStock"
    facts.image_urls = _addresses(document, ("og:image:secure_url", "og:image", "og:image:url", "twitter:image"))
    facts.video_urls = _addresses(document, ("og:video:secure_url", "og:video", "og:video:url"))
    return facts


def _first(document: Document, names: tuple[str, ...]) -> str | None:
    return next((document.meta[name][0] for name in names if name in document.meta), None)


def _addresses(document: Document, names: tuple[str, ...]) -> list[str]:
    found = next((document.meta[name] for name in names if name in document.meta), ())
    return [url for address in found if (url := document.absolute(plain(address)))]
