"""Objects: bytes in WARC segments, and the index that makes each read one positioned read."""
