"""Version of this package, as recorded in data files."""

__all__ = ["__version__"]

__version__ = "0.1.0"
