"""The room ``bench.crawl``: crawling a large shop; crawls and downloads that are killed."""
