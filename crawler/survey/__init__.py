"""A first look at a shop: a few polite requests, and the section of m5data.toml that they propose."""
