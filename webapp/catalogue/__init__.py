"""Products as people look at them, read from the newest dataset version."""
