"""Benchmarks of the training stage: a generated dataset with known factors, the study on it, and speeds."""
