"""Facts in the Open Graph and other meta elements of a page."""

from core.currencies import currency_code
from core.money import marked_price
from reader.document import Document
from reader.facts import Facts, condition_of, stock_of
from reader.refusals import is_template
from reader.text import paragraphs, plain

__all__ = ["opengraph_facts", "says_product"]

_PRICES = ("product:sale_price:amount", "product:price:amount", "og:price:amount", "product:price")
_CURRENCIES = ("product:sale_price:currency", "product:price:currency", "og:price:currency")
_AVAILABILITY_NAMES = ("product:availability", "og:availability")


def says_product(document: Document) -> bool:
    """Return whether ``og:type`` declares the page a product."""
    return any("product" in kind.lower() for kind in document.meta.get("og:type", ()))


def opengraph_facts(document: Document) -> Facts:
    """Read the meta elements of a page. ``titles`` reads ``og:title``, which often contains the shop name."""
    facts = Facts(origin="opengraph")
    facts.currency = currency_code(_first_meta(document, _CURRENCIES))
    amount = _first_meta(document, _PRICES)
    facts.price = marked_price(amount, facts.currency) if amount else None
    facts.brand = plain(_first_meta(document, ("product:brand", "og:brand")) or "") or None
    facts.sku = _first_meta(document, ("product:retailer_item_id", "product:sku", "og:product_id"))
    facts.gtin = _first_meta(document, ("product:ean", "product:upc", "product:isbn"))
    facts.mpn = _first_meta(document, ("product:mfr_part_no",))
    facts.availability = stock_of(filter(None, (_first_meta(document, _AVAILABILITY_NAMES),)))
    facts.description = paragraphs(_first_meta(document, ("og:description",)) or "") or None
    former = _first_meta(document, ("product:original_price:amount", "og:price:standard_amount"))
    former = former or (_first_meta(document, ("product:price:amount",)) if _PRICES[0] in document.meta else None)
    facts.list_price = marked_price(former, facts.currency) if former else None
    facts.condition = condition_of([_first_meta(document, ("product:condition", "og:condition"))])
    facts.item_group = _first_meta(document, ("product:item_group_id",))
    facts.image_urls = _meta_urls(document, ("og:image:secure_url", "og:image", "og:image:url", "twitter:image"))
    facts.video_urls = _meta_urls(document, ("og:video:secure_url", "og:video", "og:video:url"))
    return facts


def _first_meta(document: Document, names: tuple[str, ...]) -> str | None:
    return next((document.meta[name][0] for name in names if name in document.meta), None)


def _meta_urls(document: Document, names: tuple[str, ...]) -> list[str]:
    found = next((document.meta[name] for name in names if name in document.meta), ())
    return [url for one in found if not is_template(one) and (url := document.absolute(plain(one)))]
