"""Feeds: products that a shop provides as a file. One module per format, and one row type for all."""

from crawler.feeds.formats import FeedFormat, detect, open_feed
from crawler.feeds.rows import FeedRow

__all__ = ["FeedFormat", "FeedRow", "detect", "open_feed"]
