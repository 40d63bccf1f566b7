"""Feeds: products that a shop hands over as a file. One format a module, one shape of row for all."""

from crawler.feeds.formats import FeedFormat, detect, open_feed
from crawler.feeds.rows import FeedRow

__all__ = ["FeedFormat", "FeedRow", "detect", "open_feed"]
