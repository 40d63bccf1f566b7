"""Words of a Chinese text by jieba's dictionary, without jieba's side effects."""

import warnings
from functools import cache
from importlib import resources

with warnings.catch_warnings():
    # jieba 0.42 has invalid escapes in its patterns and looks for pkg_resources: both warn on import.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    import jieba

__all__ = ["cut"]


def cut(text: str) -> list[str]:
    """Cut a text into jieba's words, in order; white space and signs are pieces of their own."""
    pieces: list[str] = _tokenizer().lcut(text)
    return pieces


@cache
def _tokenizer() -> jieba.Tokenizer:
    """Return a tokenizer of our own with jieba's dictionary.

    Filled here and not by ``initialize``, which logs to the terminal and keeps a cache file in
    the shared temporary folder, where parallel runs meet and strangers may write.
    """
    tokenizer = jieba.Tokenizer()
    with (resources.files("jieba") / "dict.txt").open("rb") as lines:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(lines)
    tokenizer.initialized = True
    return tokenizer
