"""Groups of keys that are joined step by step, where some keys must stay apart."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

__all__ = ["Groups"]

Key = TypeVar("Key", bound=Hashable)


class Groups(Generic[Key]):
    """Disjoint groups, at first one for each key."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.of: dict[Key, set[Key]] = {key: {key} for key in keys}
        """Key -> the keys of its group; one shared set per group."""
        self._apart: dict[Key, set[Key]] = {}

    def together(self, one: Key, other: Key) -> bool:
        """Return whether two keys are in one group."""
        return self.of[one] is self.of[other]

    def keep_apart(self, one: Key, other: Key) -> None:
        """Forbid every join that would put two keys into one group."""
        self._apart.setdefault(one, set()).add(other)
        self._apart.setdefault(other, set()).add(one)

    def forbidden(self, one: Key, other: Key) -> bool:
        """Return whether joining the groups of two keys would join keys that must stay apart."""
        return any(self._apart.get(key, set()) & self.of[other] for key in self.of[one])

    def join(self, one: Key, other: Key) -> None:
        """Join the groups of two keys."""
        group, others = self.of[one], self.of[other]
        if group is not others:
            group |= others
            self.of.update(dict.fromkeys(others, group))
