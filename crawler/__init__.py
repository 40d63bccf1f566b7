"""The room ``crawler``: finds, stores and reads pages of shops, and fetches their media.

Public names are imported on first use: reading a setting must not load an HTML parser.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
