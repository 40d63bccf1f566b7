"""The room ``workspace``: settings, stages and versions of one dataset, and what is done to it as a whole.

Names are imported when they are first used: ``m5data --help`` must load no tables.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
