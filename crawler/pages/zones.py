"""Which parts of a page are not about its product, told from tag, role and class names."""

import re
from functools import lru_cache

from crawler.pages.vocabulary import anywhere

__all__ = ["HIDDEN_STYLE", "SKIPPED_TAGS", "is_aside", "words"]

SKIPPED_TAGS = frozenset(
    (
        *("script", "style", "noscript", "template", "nav", "footer", "select", "option", "datalist"),
        *("iframe", "object", "textarea", "head", "path", "use", "defs"),
    )
)
"""Elements whose text is no text of the product."""

HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@lru_cache(maxsize=4096)
def words(names: str) -> str:
    """Return class and id names as separate lower-case words: ``productSpecs`` becomes ``product-specs``."""
    return _CAMEL.sub("-", names).lower()


@lru_cache(maxsize=4096)
def is_aside(names: str) -> bool:
    """Tell whether class and id names call a container menu, footer, recommendations, reviews or the like."""
    return bool(anywhere("aside_places").search(words(names)))
