"""The product browser."""
