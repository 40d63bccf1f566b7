from .document import Document, canonical_url, read_document
from .links import Link, links, next_link
from .page_kind import Verdict, is_product
from .parse import page_object_for, parse_page
from .product_page import ProductPage, field

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
    "page_object_for",
    "parse_page",
    "read_document",
]
