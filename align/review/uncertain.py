"""Undecided pairs for a person to judge, most uncertain first, with products of both sides."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from align.category import Category
from align.review.effective_decisions import EffectiveDecisions
from storage import Snapshot

__all__ = ["Example", "UncertainPair", "count_uncertain", "uncertain_pairs"]

_UNDECIDED = """
FROM label_pairs ANTI JOIN decided USING (source_a, path_a, source_b, path_b)
WHERE (source_a, path_a) NOT IN (SELECT (source, path) FROM alone)
  AND (source_b, path_b) NOT IN (SELECT (source, path) FROM alone)
"""
_PAIRS = f"{_UNDECIDED} ORDER BY doubt DESC, source_a, path_a, source_b, path_b LIMIT ? OFFSET ?"
_DECIDED = pa.schema([(name, pa.string()) for name in ("source_a", "path_a", "source_b", "path_b")])
_ALONE = pa.schema([("source", pa.string()), ("path", pa.string())])
_WANTED = pa.schema([("source", pa.string()), ("wanted", pa.list_(pa.string()))])
_EXAMPLES = """
SELECT source, wanted, min_by((product_id, caption), product_id, ?) AS examples
FROM wanted JOIN products USING (source)
WHERE category[1:len(wanted)] = wanted AND caption IS NOT NULL
GROUP BY source, wanted
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A product of a category."""

    product_id: str
    caption: str


@dataclass(frozen=True, slots=True)
class UncertainPair:
    """An undecided pair of categories."""

    a: Category
    b: Category
    s_label: float
    s_content: float
    probability: float | None
    """Probability of being one label by the learned rule; None under another rule."""
    relation: str
    """same, broader (``a`` contains ``b``), narrower or other, by the rule."""
    merged: bool
    """Whether both have one label now."""
    doubt: float
    """0 to 1."""
    evidence: tuple[str, ...]
    """Reasons for and against, strongest first."""
    examples_a: tuple[Example, ...]
    """Products in ``a`` and below, by product id."""
    examples_b: tuple[Example, ...]


def uncertain_pairs(
    snapshot: Snapshot, decided: EffectiveDecisions, *, limit: int = 50, offset: int = 0, examples: int = 5
) -> list[UncertainPair]:
    """Return undecided pairs of the last alignment, most uncertain first.

    Args:
        snapshot: Dataset version; it has no pairs before the first alignment.
        decided: Decisions of people. Decided pairs, and pairs of categories that stand alone, are
            excluded at once, before the next alignment.
        limit: Maximum number of pairs.
        offset: Number of pairs to skip.
        examples: Maximum number of products on each side.
    """
    with closing(snapshot.connection(("label_pairs", "products"))) as connection:
        _register(connection, decided)
        rows = connection.sql(_PAIRS, params=[limit, offset]).to_arrow_table().to_pylist()
        ends = sorted({end for row in rows for end in (_end(row, "a"), _end(row, "b"))})
        wanted = [{"source": source, "wanted": list(path)} for source, path in ends]
        connection.register("wanted", pa.Table.from_pylist(wanted, schema=_WANTED))
        found = connection.execute(_EXAMPLES, [examples]).fetchall()
    shown = {Category(source, tuple(path)): _examples(listed) for source, path, listed in found}
    return [_pair(row, shown) for row in rows]


def count_uncertain(snapshot: Snapshot, decided: EffectiveDecisions) -> int:
    """Return the number of pairs that ``uncertain_pairs`` has in all."""
    with closing(snapshot.connection(("label_pairs",))) as connection:
        _register(connection, decided)
        return int(connection.execute(f"SELECT count(*) {_UNDECIDED}").fetchall()[0][0])


def _register(connection: duckdb.DuckDBPyConnection, decided: EffectiveDecisions) -> None:
    connection.register("decided", pa.Table.from_pylist(list(_keys(decided)), schema=_DECIDED))
    alone = [{"source": end.source, "path": end.text} for end in decided.splits]
    connection.register("alone", pa.Table.from_pylist(alone, schema=_ALONE))


def _keys(decided: EffectiveDecisions) -> Iterator[dict[str, str]]:
    for a, b in decided.pairs:
        yield {"source_a": a.source, "path_a": a.text, "source_b": b.source, "path_b": b.text}


def _end(row: dict[str, Any], side: str) -> Category:
    return Category(row[f"source_{side}"], tuple(row[f"category_{side}"]))


def _examples(listed: Sequence[Any]) -> tuple[Example, ...]:
    return tuple(Example(*(one.values() if isinstance(one, dict) else one)) for one in listed)


def _pair(row: dict[str, Any], shown: dict[Category, tuple[Example, ...]]) -> UncertainPair:
    a, b = _end(row, "a"), _end(row, "b")
    return UncertainPair(
        a,
        b,
        row["s_label"],
        row["s_content"],
        row["probability"],
        row["relation"],
        row["merged"],
        row["doubt"],
        tuple(row["evidence"]),
        shown.get(a, ()),
        shown.get(b, ()),
    )
