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

from .rights.opt_outs import opt_outs

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
