"""Which dataset versions are kept."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.versions import VersionRecord

__all__ = ["Keeping", "choose_versions"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What keeps a version, apart from being named."""

    newest: int
    """So many newest versions; at least 1."""
    days: float
    """Versions committed within so many days."""


def choose_versions(
    versions: Sequence[VersionRecord],
    keeping: Keeping,
    now: datetime,
    named: Collection[int],
    named_by: Callable[[VersionRecord], Collection[int]],
) -> frozenset[int]:
    """Return the numbers of the versions that are kept.

    Args:
        versions: All that were committed, newest first.
        keeping: How many, and how young.
        now: Present moment.
        named: Versions that something outside the tables names; those that are gone do not matter.
        named_by: Returns what the tables of a kept version name: that is kept, too.
    """
    since = now - timedelta(days=keeping.days)
    known = {version.number: version for version in versions}
    waiting = {version.number for version in versions[: keeping.newest]}
    waiting |= {version.number for version in versions if version.created is not None and version.created >= since}
    waiting |= known.keys() & set(named)
    kept: set[int] = set()
    while waiting:
        number = waiting.pop()
        kept.add(number)
        waiting |= (known.keys() & set(named_by(known[number]))) - kept
    return frozenset(kept)
