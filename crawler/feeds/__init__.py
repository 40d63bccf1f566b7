"""Feeds: products that a shop hands over as a file. One format a module, one shape of row for all."""

from crawler.feeds.detect import FeedFormat, detect
from crawler.feeds.open_feed import open_feed
from crawler.feeds.row import FeedRow

__all__ = ["FeedFormat", "FeedRow", "detect", "open_feed"]
