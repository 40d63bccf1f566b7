"""The page on which annotators judge pairs."""
