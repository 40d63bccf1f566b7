"""Benchmarks, run by hand or through ``python -m bench``."""
