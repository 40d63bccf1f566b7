"""The right to share, which export requires, and the right to use samples for a purpose."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.engine import text
from core.errors import NotAuthorisedError
from core.usage import Purpose
from storage import Snapshot
from storage.views import refused_sql

__all__ = ["LeftOut", "LeftOutCounts", "Rights", "Use", "check_rights", "count_left_out", "left_out"]


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights in one source's data."""

    share: bool
    """The source says that its data may be shared."""
    licence: str
    """Licence it is shared under; empty if none is stated."""
    crawl: bool = True
    """The source may still be crawled; otherwise nothing crawled from it may be used."""


@dataclass(frozen=True, slots=True)
class Use:
    """Purpose for which samples are read, and the sources without a permission."""

    purpose: Purpose | None = None
    """None: any purpose; no sample is left out."""
    forbidden: Collection[str] = ()

    def refused(self) -> str:
        """Return a query for the refusals (product_id, signal, place, served); "" without a purpose."""
        if self.purpose is None:
            return ""
        sources = ", ".join(text(name) for name in sorted(self.forbidden))
        own = (
            "UNION ALL SELECT product_id, 'source', 'm5data.toml', 'crawl_authorised = false' FROM products "  # noqa: S608
            f"WHERE source IN ({sources})"
        )
        return f"{refused_sql(self.purpose)} {own if sources else ''}"


class LeftOut(NamedTuple):
    """A sample whose use is refused."""

    split: str
    product_id: str
    signals: tuple[str, ...]
    """Kinds of the signals, in alphabetical order."""
    detail: str
    """The first signal, as served."""


def left_out(snapshot: Snapshot, chosen: str, recipe: str, splits: Collection[str], use: Use) -> Iterator[LeftOut]:
    """Yield the samples of splits that may not be used, by split and product.

    Args:
        snapshot: The dataset version.
        chosen: Query for the samples of a recipe's split, whatever their use.
        recipe: The recipe.
        splits: Its splits.
        use: The purpose.
    """
    query = f"""
        SELECT c.split, c.product_id, list_sort(list(DISTINCT r.signal)),
            min(r.place || ' ' || r.signal || ': ' || left(r.served, 200))
        FROM ({chosen}) c JOIN ({use.refused()}) r USING (product_id) GROUP BY 1, 2 ORDER BY 1, 2
    """  # noqa: S608 - built of constants and the user's own SELECT
    for split in splits if use.purpose else ():
        for batch in snapshot.batches(query, [recipe, split]):
            for name, product, signals, detail in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield LeftOut(name, product, tuple(signals), " ".join(detail.split()))


@dataclass(frozen=True, slots=True)
class LeftOutCounts:
    """Numbers of samples left out."""

    by_split: dict[str, dict[str, int]]
    """Split -> kind of signal -> samples that it excludes; a sample with two kinds counts for both."""
    by_first: dict[str, int]
    """Kind of signal -> samples, each counted once, for the first of its kinds."""

    @property
    def total(self) -> int:
        """Total number of samples left out."""
        return sum(self.by_first.values())

    @property
    def by_signal(self) -> dict[str, int]:
        """Kind of signal -> samples of all splits."""
        counted: Counter[str] = Counter()
        for counts in self.by_split.values():
            counted.update(counts)
        return dict(sorted(counted.items()))


def count_left_out(found: Iterable[LeftOut]) -> LeftOutCounts:
    """Count the samples that are left out."""
    by_split: dict[str, Counter[str]] = {}
    by_first: Counter[str] = Counter()
    for one in found:
        by_split.setdefault(one.split, Counter()).update(one.signals)
        by_first[one.signals[0]] += 1
    named = {split: dict(sorted(counted.items())) for split, counted in sorted(by_split.items())}
    return LeftOutCounts(named, dict(sorted(by_first.items())))


def check_rights(snapshot: Snapshot, recipe: str, rights: Mapping[str, Rights]) -> None:
    """Check that every source in the splits of ``recipe`` may be shared.

    Raises:
        NotAuthorisedError: Some sources may not; the message names them all.
    """
    query = "select distinct source from splits join products using (product_id) where recipe = ? order by 1"
    sources = snapshot.sql(query, [recipe])["source"].to_pylist()
    refused = [name for name in sources if name not in rights or not rights[name].share]
    if refused:
        names = ", ".join(f"sources.{name}.share_authorised" for name in refused)
        raise NotAuthorisedError(
            f"export of recipe {recipe!r}: {names} must be true before its data can be shared. Set it only if the shop "
            "allows that, or leave the source out of the splits."
        )
