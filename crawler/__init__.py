"""The room ``crawler``: finds, stores and reads pages of shops, and fetches their media.

Public names are imported on first use: reading a setting must not load an HTML parser.
"""

import lazy_loader

from reader import __all__ as _of_reader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"pages": [*_of_reader, "opt_outs"]})
