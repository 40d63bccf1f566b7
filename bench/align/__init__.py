"""Benchmarks of label alignment."""
