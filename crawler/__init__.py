"""The room ``crawler``: pages found, read and kept; media fetched.

Names are imported when first used, so that reading a setting does not load an HTML parser.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.contacts import mask_contacts
    from crawler.merchants import hash_merchant
    from crawler.pages.document import Document, read_document
    from crawler.pages.fields import field
    from crawler.pages.links import Link, canonical_url, links, next_link
    from crawler.pages.optouts import opt_outs
    from crawler.pages.page_kind import Verdict, is_product
    from crawler.pages.parse import page_object_for, parse_page
    from crawler.pages.product_page import ProductPage

__all__ = [
    "Document",
    "Link",
    "ProductPage",
    "Verdict",
    "canonical_url",
    "field",
    "hash_merchant",
    "is_product",
    "links",
    "mask_contacts",
    "next_link",
    "opt_outs",
    "page_object_for",
    "parse_page",
    "read_document",
]

_HOMES = {
    "crawler.contacts": ("mask_contacts",),
    "crawler.merchants": ("hash_merchant",),
    "crawler.pages.document": ("Document", "read_document"),
    "crawler.pages.fields": ("field",),
    "crawler.pages.links": ("Link", "canonical_url", "links", "next_link"),
    "crawler.pages.optouts": ("opt_outs",),
    "crawler.pages.page_kind": ("Verdict", "is_product"),
    "crawler.pages.parse": ("page_object_for", "parse_page"),
    "crawler.pages.product_page": ("ProductPage",),
}


def __getattr__(name: str) -> object:
    """Import a public name from its module."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'crawler' has no attribute {name!r}")
