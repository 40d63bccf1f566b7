"""Connected names, by union and find: slower than the builder's matrices, and nothing like them."""

from collections.abc import Iterable

__all__ = ["connect"]


def connect(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return for each name in ``pairs`` the smallest name that they connect it with."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        top = name
        while (above := parent.setdefault(top, top)) != top:
            top = above
        while name != top:
            name, parent[name] = parent[name], top
        return top

    for left, right in pairs:
        first, second = sorted((root(left), root(right)))
        parent[second] = first
    return {name: root(name) for name in list(parent)}
