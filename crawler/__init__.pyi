from .pages.document import Document, canonical_url, read_document
from .pages.links import Link, links, next_link, opt_outs
from .pages.page_kind import Verdict, is_product
from .pages.parse import page_object_for, parse_page
from .pages.product_page import ProductPage, field

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
