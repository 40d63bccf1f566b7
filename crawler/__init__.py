"""The room ``crawler``: finds, stores and reads pages of shops, and fetches their media.

Its public names are those of ``reader``, imported on first use: reading a setting must not load an HTML parser.
"""

from reader import __all__, __dir__, __getattr__  # noqa: F401
