"""The decisions in force: the newest on each subject, and where people disagree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from align.category import Category
from align.review.decisions import Decision

__all__ = ["Conflict", "EffectiveDecisions", "resolve_decisions"]

CategoryPair = tuple[Category, Category]
Subject = TypeVar("Subject", Category, CategoryPair)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Different people whose latest decisions on one subject differ; the last of them holds."""

    subject: tuple[Category, ...]
    """A pair of categories; or one category, whose label has two names."""
    decisions: tuple[Decision, ...]
    """The latest of each person, oldest first."""


@dataclass(frozen=True, slots=True)
class EffectiveDecisions:
    """What holds now."""

    pairs: Mapping[CategoryPair, Decision] = field(default_factory=dict)
    """Pair, the smaller category first -> the decision on it that holds, newest first."""
    names: Mapping[Category, Decision] = field(default_factory=dict)
    """Category -> the decision that names the label it is in, newest first."""
    splits: Mapping[Category, Decision] = field(default_factory=dict)
    """Category that stands alone -> the decision that says so."""
    conflicts: Sequence[Conflict] = ()
    """Sorted by subject."""

    def verdict(self, a: Category, b: Category) -> bool | None:
        """Return whether a person holds two categories to be one label; None: nobody said."""
        decision = self.pairs.get((min(a, b), max(a, b)))
        return None if decision is None else decision.kind != "reject"

    @property
    def categories(self) -> frozenset[Category]:
        """Every category that a decision in force speaks of."""
        return frozenset((*self.names, *self.splits, *(end for pair in self.pairs for end in pair)))


def resolve_decisions(decisions: Iterable[Decision]) -> EffectiveDecisions:
    """Return what a log of decisions amounts to.

    The newest decision on a pair holds, whoever made it. A split ends earlier joins of its category;
    a later accept of a pair joins that pair again, and leaves the category apart from all others.

    Args:
        decisions: Oldest first, as ``all_decisions`` gives them, pairs in order.
    """
    log = list(decisions)
    pairs = _newest((d.pair, d) for d in log if d.pair is not None)
    names = _newest((end, d) for d in log if d.kind == "rename" for end in (d.a, d.b) if end is not None)
    splits = _newest((d.a, d) for d in log if d.kind == "split")
    place = {id(decision): number for number, decision in enumerate(log)}
    pairs_in_force = {
        pair: decision
        for pair, decision in pairs.items()
        if decision.kind == "reject"
        or all(place[id(decision)] > place[id(splits[end])] for end in pair if end in splits)
    }
    return EffectiveDecisions(pairs_in_force, names, splits, _conflicts(log))


def _newest(found: Iterable[tuple[Subject, Decision]]) -> dict[Subject, Decision]:
    """Keep the last decision of each subject, the newest of all first."""
    kept: dict[Subject, Decision] = {}
    for subject, decision in found:
        kept.pop(subject, None)
        kept[subject] = decision
    return dict(reversed(kept.items()))


def _conflicts(log: Sequence[Decision]) -> tuple[Conflict, ...]:
    """Return the subjects on which people's latest decisions differ."""
    latest: dict[tuple[Category, ...], dict[str, Decision]] = {}
    for decision in log:
        if decision.kind == "split":
            continue
        subject = decision.pair or (decision.a,)
        people = latest.setdefault(subject, {})
        people.pop(decision.reviewer, None)
        people[decision.reviewer] = decision
    return tuple(
        Conflict(subject, tuple(people.values()))
        for subject, people in sorted(latest.items())
        if len({(decision.kind, decision.name) for decision in people.values()}) > 1
    )
