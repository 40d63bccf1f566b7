"""Benchmarks of the splits."""
