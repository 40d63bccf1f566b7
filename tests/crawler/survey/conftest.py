"""The synthetic shop of the crawl tests."""

from tests.crawler.crawl.conftest import clock, shop, store

__all__ = ["clock", "shop", "store"]
