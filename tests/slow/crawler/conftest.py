"""Fixtures of the crawler's slow tests, shared with the fast ones."""

from tests.crawler.crawl.conftest import clock, shop
from tests.crawler.media.conftest import image, server, store, want

__all__ = ["clock", "image", "server", "shop", "store", "want"]
