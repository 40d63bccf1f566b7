"""Benchmarks of aggregation against crowd-kit; each module runs with ``python -m bench.annotate.NAME``."""
