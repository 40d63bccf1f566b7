"""Rebuilding of a dataset from published links: tables as published, media fetched and compared, a drift report."""
