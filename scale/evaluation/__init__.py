"""Features of the splits, and how good they are."""
