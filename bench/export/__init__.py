"""Benchmarks of the export."""
