"""Purposes of using data, and verdicts on them.

``train``: the parameters of a model are fitted to it. ``evaluate``: it is given to a model that is measured, and no
parameter changes. ``search``: it is indexed, and found products link to their pages. ``display``: it is shown to people
outside the team, other than as the result of a search.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

__all__ = ["PURPOSES", "UNKNOWN", "Meaning", "Purpose", "Verdict", "strictest"]

Purpose = Literal["train", "evaluate", "search", "display"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
Verdict = Literal["allowed", "refused", "unknown"]

_STRICT_FIRST: tuple[Verdict, ...] = ("refused", "allowed", "unknown")


class Meaning(NamedTuple):
    """The verdict on each purpose."""

    train: Verdict = "unknown"
    evaluate: Verdict = "unknown"
    search: Verdict = "unknown"
    display: Verdict = "unknown"


UNKNOWN = Meaning()


def strictest(meanings: Iterable[Meaning]) -> Meaning:
    """Combine the verdicts of several signals: refused if any refuses, else allowed if any allows.

    Applies the rule of draft-ietf-aipref-vocab-08, section "Combining Preferences", to signals of every kind.
    """
    every = tuple(meanings) or (UNKNOWN,)
    return Meaning(*(min(verdicts, key=_STRICT_FIRST.index) for verdicts in zip(*every, strict=True)))
