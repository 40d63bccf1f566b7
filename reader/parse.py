"""Parsing of one page into a product record."""

from importlib import import_module
from urllib.parse import urlsplit

from lxml import etree

from core.errors import PageError, SettingsError
from core.records import ProductRecord
from reader.document import Headers, read_document
from reader.product_page import ProductPage
from reader.reading import Reader
from reader.sites import SITE_RULES

__all__ = ["READING_ERRORS", "load_page_object", "page_object_for", "parse_page"]

READING_ERRORS = (
    ArithmeticError, AttributeError, LookupError, PageError, RecursionError, TypeError, ValueError, etree.LxmlError,
)  # fmt: skip
"""Errors of page objects, including users' own: such a page does not count as a product."""


def parse_page(
    body: bytes,
    url: str,
    headers: Headers | None = None,
    *,
    page_object: type[ProductPage] | str | None = None,
    merchant_key: bytes | None = None,
    reader: Reader | None = None,
) -> ProductRecord:
    """Turn a product page into a product record.

    The same bytes, URL and headers yield the same record. ``is_product(record)`` tells whether the page is a product
    page.

    Args:
        body: Bytes of the page, any content coding already removed.
        url: Absolute URL that it was fetched from.
        headers: Its HTTP headers; only ``Content-Type`` is used, for the charset.
        page_object: A page object class or ``module:Class``; None for the one registered for the host, else the generic
            one.
        merchant_key: Key for the hash of merchant names. Without it, ``merchant`` is None.
        reader: Model and thresholds; None for those that come with m5data.

    Raises:
        PageError: The page is empty, too large or too deeply nested, or its URL is not http(s).
        SettingsError: ``page_object`` does not name a page object.
    """
    document = read_document(body, url, headers)
    page = load_page_object(page_object) if isinstance(page_object, str) else page_object or page_object_for(url)
    return page(document, merchant_key, reader).to_record()


def page_object_for(url: str) -> type[ProductPage]:
    """Return the page object class registered for the host of a URL, else the generic one."""
    # web-poet's own rules fetch the public suffix list from the network; the host name suffices here.
    return SITE_RULES.get((urlsplit(url).hostname or "").lower(), ProductPage)


def load_page_object(name: str) -> type[ProductPage]:
    """Import a page object by its ``module:Class`` name.

    Raises:
        SettingsError: The module or class does not exist, or the class does not derive from ``ProductPage``.
    """
    module, _, cls = name.partition(":")
    try:
        found = getattr(import_module(module), cls)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"page_object: cannot import {name!r} ({error}). Give it as 'module:Class'.") from None
    if not (isinstance(found, type) and issubclass(found, ProductPage)):
        raise SettingsError(f"page_object: {name!r} does not derive from crawler.ProductPage. Make it a subclass.")
    return found
