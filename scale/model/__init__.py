"""SCALE, M5-MMT and their baselines as one trunk."""
