"""Benchmark of the page reader."""
