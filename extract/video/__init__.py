"""Frames of a video: the exact rule, its fast path, and the pictures that are stored."""
