"""Products as shown to people, read from the newest dataset version."""
