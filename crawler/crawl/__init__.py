"""The crawl: frontier, spider and the reading of responses."""
