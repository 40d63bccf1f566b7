"""Benchmarks of extraction against peers; each module runs with ``python -m bench.extract.NAME``."""
