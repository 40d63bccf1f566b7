"""Aggregation of judgements: one algorithm per file, on one table (task, worker, label)."""
