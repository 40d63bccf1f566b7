"""The name of the merchant, where a page says who sells: found only to be hashed."""

from crawler.pages.labels import labelled
from crawler.pages.visible import Visible

__all__ = ["find_merchant"]

_MAX_NAME = 80


def find_merchant(seen: Visible) -> str | None:
    """Return what stands behind the first label of a seller (``店铺：``, ``Sold by``); None where there is none."""
    found = (value for _, value in labelled(seen, "sellers", longest=_MAX_NAME))
    return next((value for value in found if any(c.isalpha() for c in value)), None)
