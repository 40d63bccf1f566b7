"""Label alignment: from the category trees of many sources to one hierarchy."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
