"""The room ``reader``: a product page's bytes in, one record out. It knows no store and no network.

Names are imported when they are first used: reading a setting must not load an HTML parser.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
