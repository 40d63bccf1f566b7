"""The parts of jieba that segmentation is made of."""

import warnings

with warnings.catch_warnings():
    # jieba 0.42 has invalid escapes in its patterns and looks for pkg_resources: both warn on import.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    from jieba import Tokenizer, re_han_default, re_skip_default
    from jieba.finalseg import cut as cut_unknown

__all__ = ["BLOCKS", "SPACES", "Tokenizer", "cut_unknown"]

BLOCKS = re_han_default
"""What is cut by the dictionary."""
SPACES = re_skip_default
"""What separates the rest."""
