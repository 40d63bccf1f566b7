"""Aggregation of judgements: one algorithm a file, all on one table (task, worker, label)."""
