"""Features of the splits, and their evaluation."""
