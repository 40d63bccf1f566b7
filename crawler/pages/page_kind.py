"""The kind of a page: product, listing, error page with status 200, or something else."""

from dataclasses import dataclass

from crawler.pages.evidence import Page
from crawler.pages.listing_evidence import listing_evidence
from crawler.pages.model import kinds_model
from m5data.records import ProductRecord

__all__ = ["Verdict", "is_product", "page_kind"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a record is a product. It is true in a condition if it is."""

    product: bool
    reason: str = ""
    """Reason against it: ``soft_404``, ``listing``, ``no_product_evidence`` or ``no_content``; empty for a product."""

    def __bool__(self) -> bool:
        """Return ``product``."""
        return self.product


def is_product(record: ProductRecord) -> Verdict:
    """Return whether a record is a product: it comes from a product page and has content.

    A product page has a product in its markup, or at least two of these in plain HTML: price, id with a label,
    specifications, availability. Listings and error pages with status 200 are not product pages. A record without
    caption, image and specification has no content. A record that comes from a feed has no page and is judged by
    its content alone.
    """
    kind = record.origins.get("page", "product").partition(" ")[0]
    if kind == "not-found":
        return Verdict(product=False, reason="soft_404")
    if kind == "listing":
        return Verdict(product=False, reason="listing")
    if not kind.startswith("product"):
        return Verdict(product=False, reason="no_product_evidence")
    if not (record.caption or record.image_urls or record.specs):
        return Verdict(product=False, reason="no_content")
    return Verdict(product=True)


def page_kind(page: Page, evidence: set[str], product: float) -> tuple[str, float]:
    """Return the kind of a page and its probability: ``product:<origin>``, ``listing``, ``not-found`` or ``other``.

    Args:
        page: The page.
        evidence: What is known of it as a whole.
        product: Probability that it shows one product.
    """
    if product >= _EVEN:
        marked = [one.origin for one in page.marked if one.caption or one.price is not None or one.sku]
        return f"product:{marked[0] if marked else 'html'}", product
    if "missing" in evidence:
        return "not-found", 1.0 - product
    if "m:list" in evidence or page.only_lists:
        return "listing", 1.0 - product
    listing = kinds_model().probability("listing", listing_evidence(page, evidence))
    kind, probability = ("listing", listing) if listing >= _EVEN else ("other", 1.0 - listing)
    return kind, (1.0 - product) * probability


_EVEN = 0.5
