from tests.crawler.crawl.conftest import store

__all__ = ["store"]
