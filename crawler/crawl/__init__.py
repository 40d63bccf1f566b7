"""The crawl: frontier, spider and what a response adds to them."""
