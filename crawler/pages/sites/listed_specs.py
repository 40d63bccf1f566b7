"""``name：value`` items of a list, the way the large Chinese shops print specifications."""

import re
from collections.abc import Iterable

from lxml import html

from crawler.pages.text import fold
from m5data.records import Specification

__all__ = ["listed_specs"]

_COLON = re.compile(r"\s*[:：]\s*")


def listed_specs(items: Iterable[html.HtmlElement], without: frozenset[str] = frozenset()) -> tuple[Specification, ...]:
    """Return one specification an item, split at its first colon; names in ``without`` are left out."""
    specs: list[Specification] = []
    for item in items:
        name, *rest = _COLON.split(fold(item.text_content()), maxsplit=1)
        if name and rest and rest[0] and name not in without:
            specs.append(Specification(name, rest[0]))
    return tuple(specs)
