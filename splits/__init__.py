"""Train, evaluation and test splits that do not leak: reserve, recipes, builder and certificate."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
