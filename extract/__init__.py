"""The room ``extract``: frames, audio, features, image measures and duplicates.

Its pure functions work without a workspace. Names are imported when they are first used, so that a
decoder process, and ``m5data --help``, load no more than they need.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
