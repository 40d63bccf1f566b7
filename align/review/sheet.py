"""The review sheet: undecided pairs, most uncertain first, as a CSV file that a person fills in."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from align.category import SEPARATOR, Category
from align.review.decisions import Decision, Kind, decision_fault
from align.review.effective_decisions import EffectiveDecisions
from core.errors import FeedError
from core.files import replace_file
from core.records import Reject
from core.spreadsheets import escape_formula, unescape_formula
from storage import Snapshot

__all__ = [
    "Example",
    "SheetReader",
    "UncertainPair",
    "count_uncertain",
    "read_examples",
    "read_sheet",
    "uncertain_pairs",
    "write_sheet",
]

_UNDECIDED = """
FROM label_pairs ANTI JOIN decided USING (source_a, path_a, source_b, path_b)
WHERE (source_a, path_a) NOT IN (SELECT (source, path) FROM alone)
  AND (source_b, path_b) NOT IN (SELECT (source, path) FROM alone)
"""
_PAIRS = f"{_UNDECIDED} ORDER BY doubt DESC, source_a, path_a, source_b, path_b LIMIT ? OFFSET ?"
_DECIDED = pa.schema([(name, pa.string()) for name in ("source_a", "path_a", "source_b", "path_b")])
_ALONE = pa.schema([("source", pa.string()), ("path", pa.string())])
_SAMPLES = pa.schema([("source", pa.string()), ("wanted", pa.list_(pa.string()))])
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
        ends = {end for row in rows for end in (_end(row, "a"), _end(row, "b"))}
        shown = read_examples(connection, ends, examples)
    return [_pair(row, shown) for row in rows]


def read_examples(
    connection: duckdb.DuckDBPyConnection, categories: Iterable[Category], count: int
) -> dict[Category, tuple[Example, ...]]:
    """Return the first products in each category and below, by product id; ``connection`` has ``products``."""
    wanted = [{"source": source, "wanted": list(path)} for source, path in sorted(set(categories))]
    connection.register("wanted", pa.Table.from_pylist(wanted, schema=_SAMPLES))
    found = connection.execute(_EXAMPLES, [count]).fetchall()
    return {Category(source, tuple(path)): _examples(listed) for source, path, listed in found}


def count_uncertain(snapshot: Snapshot, decided: EffectiveDecisions) -> int:
    """Return the total number of pairs that ``uncertain_pairs`` can return."""
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


_WANTED = ("decision", "source_a", "path_a", "source_b", "path_b")
_COLUMNS = (
    *("decision", "name", "source_a", "path_a", "source_b", "path_b", "titles_a", "titles_b"),
    *("merged", "relation", "probability", "s_label", "s_content", "evidence"),
)
_LARGEST = 64 << 20


def write_sheet(path: Path, pairs: Iterable[UncertainPair]) -> int:
    """Write pairs as a CSV file in UTF-8 with a byte order mark, for spreadsheets; return their number.

    The person fills in the columns ``decision`` (accept, reject, rename, split a, split b) and ``name``.
    Texts that a spreadsheet would read as a formula begin with an apostrophe.
    """
    rows = [_row(pair) for pair in pairs]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    replace_file(path, text.getvalue().encode("utf-8-sig"))
    return len(rows)


def _row(pair: UncertainPair) -> dict[str, str]:
    texts = {
        "source_a": pair.a.source,
        "path_a": pair.a.text,
        "source_b": pair.b.source,
        "path_b": pair.b.text,
        "titles_a": "\n".join(example.caption for example in pair.examples_a),
        "titles_b": "\n".join(example.caption for example in pair.examples_b),
        "evidence": "\n".join(pair.evidence),
    }
    chance = "" if pair.probability is None else f"{pair.probability:.3f}"
    return {
        "decision": "",
        "name": "",
        **{column: escape_formula(text) for column, text in texts.items()},
        "merged": "yes" if pair.merged else "no",
        "relation": pair.relation,
        "probability": chance,
        "s_label": f"{pair.s_label:.3f}",
        "s_content": f"{pair.s_content:.3f}",
    }


@dataclass(frozen=True, slots=True)
class SheetReader:
    """Converter of sheet rows into decisions of one reviewer at one time."""

    reviewer: str
    decided_at: datetime

    def decision(self, row: Mapping[str, str]) -> Decision:
        """Return the decision of a row without validating it."""
        said, _, side = row["decision"].casefold().partition(" ")
        ends = [Category(row[f"source_{end}"], tuple(row[f"path_{end}"].split(SEPARATOR))) for end in "ab"]
        if side == "b":
            ends.reverse()
        kind = said if side in ("", "a", "b") and (not side or said == "split") else row["decision"]
        # decision_fault reports an unknown kind, with all other faults.
        return Decision(cast(Kind, kind), ends[0], ends[1], self.reviewer, self.decided_at, row.get("name", ""))


def read_sheet(path: Path, reader: SheetReader) -> Iterator[Decision | Reject]:
    """Yield the decisions of a sheet; rows without one are skipped.

    An invalid row becomes a reject with the item ``file:line`` and a reason of ``decision_fault``.

    Raises:
        FeedError: The file is missing, too large or not UTF-8, or lacks a column.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise FeedError(f"{path}: the sheet is larger than {_LARGEST >> 20} MB.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [column for column in _WANTED if column not in (rows.fieldnames or ())]
            if missing:
                raise FeedError(f"{path}:1: missing columns {', '.join(missing)}.")
            for row in rows:
                cells = {
                    key: unescape_formula((value or "").strip()) for key, value in row.items() if isinstance(key, str)
                }
                if cells["decision"]:
                    yield _checked(reader.decision(cells), f"{path.name}:{rows.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FeedError(f"{path}: this is not a CSV file of decisions ({error}).") from None


def _checked(decision: Decision, place: str) -> Decision | Reject:
    found = decision_fault(decision)
    return Reject(place, *found) if found else decision
