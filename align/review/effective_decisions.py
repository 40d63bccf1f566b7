"""The decisions in force: the newest on each subject, and where people disagree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from align.category import Category
from align.review.decisions import Decision

__all__ = ["Conflict", "EffectiveDecisions", "resolve_decisions"]

CategoryPair = tuple[Category, Category]
InTree = tuple[Category, str]
Subject = TypeVar("Subject", Category, CategoryPair, InTree)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Latest decisions of different people on one subject that differ; the newest applies."""

    subject: tuple[Category, ...]
    """A pair of categories, or one category whose label has two names."""
    decisions: tuple[Decision, ...]
    """The latest decision of each person, oldest first."""


@dataclass(frozen=True, slots=True)
class EffectiveDecisions:
    """The decisions in force."""

    pairs: Mapping[CategoryPair, Decision] = field(default_factory=dict)
    """Pair, smaller category first -> its decision, newest first."""
    names: Mapping[Category, Decision] = field(default_factory=dict)
    """Category -> the decision that names its label, newest first."""
    splits: Mapping[Category, Decision] = field(default_factory=dict)
    """Category that stands alone -> its decision."""
    targets: Mapping[InTree, Decision] = field(default_factory=dict)
    """Category and name of a tree -> the decision that names its node."""
    conflicts: Sequence[Conflict] = ()
    """Sorted by subject."""

    def same_label(self, a: Category, b: Category) -> bool | None:
        """Return whether people decided that two categories are one label; None if nobody did."""
        decision = self.pairs.get((min(a, b), max(a, b)))
        return None if decision is None else decision.kind != "reject"

    @property
    def categories(self) -> frozenset[Category]:
        """Every category in an effective decision."""
        return frozenset((*self.names, *self.splits, *(end for pair in self.pairs for end in pair)))


def resolve_decisions(decisions: Iterable[Decision]) -> EffectiveDecisions:
    """Return the decisions in force from a log of all decisions.

    The newest decision on a pair applies, whoever made it. A split ends earlier joins of its category; a
    later accept joins that pair again and leaves the category apart from all others.

    Args:
        decisions: Oldest first, as ``all_decisions`` returns them, pairs in order.
    """
    log = list(decisions)
    pairs = _newest((d.pair, d) for d in log if d.pair is not None)
    names = _newest((end, d) for d in log if d.kind == "rename" for end in (d.a, d.b) if end is not None)
    splits = _newest((d.a, d) for d in log if d.kind == "split")
    targets = _newest(((d.a, d.b.source), d) for d in log if d.kind == "target" and d.b is not None)
    place = {id(decision): number for number, decision in enumerate(log)}
    pairs_in_force = {
        pair: decision
        for pair, decision in pairs.items()
        if decision.kind == "reject"
        or all(place[id(decision)] > place[id(splits[end])] for end in pair if end in splits)
    }
    return EffectiveDecisions(pairs_in_force, names, splits, targets, _conflicts(log))


def _newest(found: Iterable[tuple[Subject, Decision]]) -> dict[Subject, Decision]:
    """Return the last decision on each subject, newest first."""
    kept: dict[Subject, Decision] = {}
    for subject, decision in found:
        kept.pop(subject, None)
        kept[subject] = decision
    return dict(reversed(kept.items()))


def _conflicts(log: Sequence[Decision]) -> tuple[Conflict, ...]:
    """Return the subjects on which the latest decisions of people differ."""
    latest: dict[tuple[Category, ...], dict[str, Decision]] = {}
    for decision in log:
        if decision.kind in ("split", "target"):
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
