"""Frames of a video: the exact rule, its fast path, and the stored JPEGs."""
