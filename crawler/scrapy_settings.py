"""How Scrapy is set up."""

from crawler.settings import CrawlSettings

__all__ = ["scrapy_settings"]


def scrapy_settings(settings: CrawlSettings, delay_s: float) -> dict[str, object]:
    """Return settings under which Scrapy does what only it does: delays, adaptive throttling, concurrency."""
    handler = "crawler.download_handler.GuardedHandler"
    return {
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        "SCHEDULER": "crawler.scheduler.FrontierScheduler",
        "DOWNLOAD_HANDLERS_BASE": {"http": handler, "https": handler},
        # Redirects, retries, robots.txt and size limits are decided by the queue and the client.
        "DOWNLOADER_MIDDLEWARES_BASE": {},
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {
            "scrapy.extensions.corestats.CoreStats": 0,
            "scrapy.extensions.logstats.LogStats": 0,
            "scrapy.extensions.throttle.AutoThrottle": 0,
        },
        # The total, too: without a delay Scrapy 2.19 starts all it has for a host at once.
        "CONCURRENT_REQUESTS": settings.concurrency_per_host,
        "CONCURRENT_REQUESTS_PER_DOMAIN": settings.concurrency_per_host,
        # Scrapy starts so many tasks for the items of every answer; the spider yields none.
        "CONCURRENT_ITEMS": 1,
        "DOWNLOAD_DELAY": delay_s,
        "DOWNLOAD_DELAY_JITTER": 0,  # a Crawl-delay is a floor
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": delay_s,
        "AUTOTHROTTLE_MAX_DELAY": max(settings.max_delay_s, delay_s),
        "AUTOTHROTTLE_TARGET_CONCURRENCY": settings.concurrency_per_host,
        "LOG_INSTALL_ROOT_HANDLER": False,  # the process has its own log
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
    }
