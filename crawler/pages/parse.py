"""One page in, one product record out."""

from importlib import import_module
from urllib.parse import urlsplit

from crawler.pages.document import Headers, read_document
from crawler.pages.product_page import ProductPage
from crawler.pages.sites import SITE_RULES
from m5data.errors import SettingsError
from m5data.records import ProductRecord

__all__ = ["load_page_object", "page_object_for", "parse_page"]


def parse_page(
    body: bytes,
    url: str,
    headers: Headers | None = None,
    *,
    page_object: type[ProductPage] | str | None = None,
    merchant_key: bytes | None = None,
) -> ProductRecord:
    """Turn a product page into a product record.

    The same bytes, address and headers give the same record. Whether the page is a product's at all,
    ``is_product(record)`` tells.

    Args:
        body: The page as it came, any content coding already removed.
        url: Address it was fetched from, absolute.
        headers: Its HTTP headers; only ``Content-Type`` is used, for the charset.
        page_object: A page object class, or ``module:Class``; None: the one for the page's host, else the generic one.
        merchant_key: Key that merchants' names are hashed under; without it ``merchant`` is None.

    Raises:
        PageError: The page cannot be read: empty, too large, too deeply nested, or no http(s) address.
        SettingsError: ``page_object`` names no page object.
    """
    document = read_document(body, url, headers)
    page = load_page_object(page_object) if isinstance(page_object, str) else page_object or page_object_for(url)
    return page(document, merchant_key).to_record()


def page_object_for(url: str) -> type[ProductPage]:
    """Return the page object class registered for an address, the generic one where there is none."""
    # web-poet's own rules ask the network for the list of public suffixes; a host's name is enough here.
    return SITE_RULES.get((urlsplit(url).hostname or "").lower(), ProductPage)


def load_page_object(name: str) -> type[ProductPage]:
    """Import a page object by its ``module:Class`` name.

    Raises:
        SettingsError: There is no such module or class, or it does not derive from ``ProductPage``.
    """
    module, _, cls = name.partition(":")
    try:
        found = getattr(import_module(module), cls)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"page_object: expected 'module:Class' of a page object, got {name!r} ({error})") from None
    if not (isinstance(found, type) and issubclass(found, ProductPage)):
        raise SettingsError(f"page_object: {name!r} does not derive from crawler.ProductPage")
    return found
