"""Product records from stored pages."""
