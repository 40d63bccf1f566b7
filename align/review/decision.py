"""What a person decided about categories of shops."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from align.category import LONGEST_NAME, Category, fault

__all__ = ["KINDS", "Decision", "Kind", "decision_fault", "normalise"]

Kind = Literal["accept", "reject", "rename", "split"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of one person; it holds on every later run until a newer one on the same subject."""

    kind: Kind
    """accept: ``a`` and ``b`` are one label. reject: they are two. rename: they are one label, called
    ``name`` (without ``b``: the label that ``a`` is in is called so). split: ``a`` leaves the label that it
    is in and stands alone, until it is accepted as one with another."""
    a: Category
    b: Category | None
    """None for split, and for a rename of ``a``'s label alone."""
    reviewer: str
    """Who decided; not empty."""
    decided_at: datetime
    """When, with time zone; of two decisions on one subject the later one holds."""
    name: str = ""
    """Name of the label; rename needs it, no other kind takes it."""
    token: str = ""
    """Made by who asks for the decision: a token that is known already is the same decision sent twice."""

    @property
    def pair(self) -> tuple[Category, Category] | None:
        """The pair that is judged, in order; None: a single category is."""
        return None if self.b is None else (min(self.a, self.b), max(self.a, self.b))


def normalise(decision: Decision) -> Decision:
    """Return the decision as it is kept: the smaller category first, a split of one category alone."""
    if decision.kind == "split":
        return replace(decision, b=None)
    if decision.pair is None:
        return decision
    return replace(decision, a=decision.pair[0], b=decision.pair[1])


def decision_fault(decision: Decision) -> tuple[str, str] | None:
    """Return why a decision cannot be kept, as reason and detail; None: it can.

    Reasons: ``bad_decision`` (an unknown kind), ``no_reviewer``, ``no_time_zone``, ``bad_name`` (missing,
    too long or not asked for), ``one_source`` (both categories of one shop), ``first_level`` (an outermost
    category: those are mapped in the settings), ``levels_differ``, ``no_partner``, and those of ``fault``.
    """
    if decision.kind not in KINDS:
        return "bad_decision", f"wanted one of {', '.join(KINDS)}, got {str(decision.kind)[:40]!r}"
    if not decision.reviewer.strip():
        return "no_reviewer", "wanted who decided, got nobody"
    if decision.decided_at.tzinfo is None:
        return "no_time_zone", "wanted a time with its zone, got one without"
    return _name_fault(decision) or _ends_fault(decision)


def _name_fault(decision: Decision) -> tuple[str, str] | None:
    name = decision.name.strip()
    if bool(name) != (decision.kind == "rename"):
        return "bad_name", f"{decision.kind}: wanted {'a' if not name else 'no'} name, got {name[:40]!r}"
    if len(name) > LONGEST_NAME:
        return "bad_name", f"wanted at most {LONGEST_NAME} characters, got {len(name)}"
    return None


def _ends_fault(decision: Decision) -> tuple[str, str] | None:
    ends = [end for end in (decision.a, decision.b) if end is not None]
    for end in ends:
        if found := fault(end.path):
            return found
        if len(end.path) == 1:
            return "first_level", f"{end.text}: wanted a category below the first level; map that one in the settings"
    if len(ends) == 1:
        wanted = decision.kind in ("accept", "reject")
        return ("no_partner", f"{decision.kind}: wanted two categories, got one") if wanted else None
    if decision.kind != "split" and ends[0].source == ends[1].source:
        return "one_source", f"wanted categories of two shops, got two of {ends[0].source}"
    if decision.kind != "split" and len(ends[0].path) != len(ends[1].path):
        return "levels_differ", f"wanted two of one level, got {len(ends[0].path)} and {len(ends[1].path)}"
    return None
