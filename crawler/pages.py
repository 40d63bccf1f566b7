"""Names of ``reader`` and of the page's directives, under ``crawler``."""

from crawler.rights.opt_outs import opt_outs
from reader import (
    Document,
    Link,
    ProductPage,
    Verdict,
    canonical_url,
    field,
    is_product,
    links,
    next_link,
    page_object_for,
    parse_page,
    read_document,
)

__all__ = [
    "Document",
    "Link",
    "ProductPage",
    "Verdict",
    "canonical_url",
    "field",
    "is_product",
    "links",
    "next_link",
    "opt_outs",
    "page_object_for",
    "parse_page",
    "read_document",
]
