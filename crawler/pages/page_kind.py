"""The kind of a page: product, listing, error page with status 200, or something else."""

from dataclasses import dataclass

from crawler.pages.evidence import Page
from crawler.pages.links import next_link
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


def page_kind(page: Page, evidence: set[str], *, product: bool) -> str:
    """Return the kind of a page: ``product:<origin>``, ``listing``, ``not-found`` or ``other``."""
    marked = [one.origin for one in page.marked if one.caption or one.price is not None or one.sku]
    if product:
        return f"product:{marked[0] if marked else 'html'}"
    if "missing" in evidence:
        return "not-found"
    if "many" in evidence or page.only_lists or next_link(page.document) is not None:
        return "listing"
    return "other"
