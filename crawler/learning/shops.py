"""Groups of shops that share owner or theme, and the folds in which shops are left out."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from crawler.learning.labelled import Example

__all__ = ["folds", "shop_groups"]

_ON_MOST_PAGES = 0.5
_COMMON = 0.25
"""Share of shops from which a piece of evidence is a convention and no sign of kinship."""
_ALIKE = 0.62
"""Share of the rarer pieces of evidence of the smaller shop that the other has too, from which both are one group."""
_LEAST = 15


def shop_groups(examples: Sequence[Example]) -> dict[str, str]:
    """Return shop -> group. Shops are one group if most of their pages' rarer class names and the like are the same."""
    pages: Counter[str] = Counter()
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    for one in examples:
        if one.field == "page" and not one.markup and one.truth:
            pages[one.shop] += 1
            seen[one.shop].update(one.evidence[0].tolist())
    names = {
        shop: {key for key, n in count.items() if n >= _ON_MOST_PAGES * pages[shop]} for shop, count in seen.items()
    }
    spread = Counter(key for keys in names.values() for key in keys)
    rare = {shop: {key for key in keys if spread[key] <= _COMMON * len(names)} for shop, keys in names.items()}
    group = {one.shop: one.shop for one in examples}
    for first, other in combinations(sorted(rare), 2):
        both = len(rare[first] & rare[other])
        if both >= _LEAST and both > _ALIKE * min(len(rare[first]), len(rare[other])):
            old, new = group[other], group[first]
            group = {shop: new if mine == old else mine for shop, mine in group.items()}
    return group


def folds(groups: Mapping[str, str], count: int = 8) -> list[frozenset[str]]:
    """Return sets of shops of about the same size; no group is in two of them."""
    members: dict[str, list[str]] = defaultdict(list)
    for shop, group in sorted(groups.items()):
        members[group].append(shop)
    parts: list[list[str]] = [[] for _ in range(count)]
    for shops in sorted(members.values(), key=lambda one: (-len(one), one)):
        min(parts, key=len).extend(shops)
    return [frozenset(part) for part in parts if part]
