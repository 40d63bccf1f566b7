"""Version of this package, as data files carry it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
