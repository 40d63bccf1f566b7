"""The property names of all sources and the terms to compare them by, stored by source in the table ``properties``."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from align.properties import PropertyUse, align_properties, find_conflicts, value_matrix
from align.values import mark_of_lines
from core.engine import memory_limit, open_engine, sources_sql
from core.errors import DataError
from core.numbers import DecimalMark
from core.processes.children import die_with_parent
from core.processes.pool import processes_for
from storage import Snapshot, Stage, Store
from storage.changes import file_groups
from storage.tables import TABLES

__all__ = ["SOURCE", "Naming", "lines_of", "marks_of"]

SOURCE = "split_part(product_id, ':', 1)"
"""The source of a product, in SQL."""
_SCHEMA = TABLES["properties"].schema
_TWO = 2
"""Processes that work at the same time: this one and a child."""
_MIN_ROWS_FOR_CHILD = 1_000_000
"""Lines from which a child process finds the names."""
_CHILD_MB = 500
"""Memory of the child's DuckDB: both processes stay below four gigabytes at M5's size."""
_VALUES_EACH = 200
_SAMPLE = 1_000_000
"""Lines of a source whose values and co-occurrences are read; properties that are rare there are read in full."""
_RARE = 200
"""Lines in the sample below which a property is read in full, the rarest first, up to ``_SAMPLE`` lines in all."""
_MARKED_EACH = 2000
"""Different values with a decimal mark or separator that are read per source."""
_MARKED = f"""
SELECT source, property, value FROM (SELECT {SOURCE} AS source, property, value FROM first WHERE {{ours}})
WHERE regexp_matches(value, '[0-9][.,][0-9]') GROUP BY source, property, value
QUALIFY row_number() OVER (PARTITION BY source ORDER BY count(*) DESC, property, value) <= {_MARKED_EACH}
"""  # noqa: S608 - constants
_COUNTS = f"""
SELECT source, property, count(*) AS lines FROM (SELECT {SOURCE} AS source, property FROM specs WHERE {{ours}})
GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 - constants
_SAMPLED = f"""
CREATE TEMP TABLE sampled AS
    SELECT product_id, number, value FROM (SELECT {SOURCE} AS source, * FROM first WHERE {{ours}})
    JOIN counted USING (source, property)
"""  # noqa: S608 - constants
_RARE_LINES = """
INSERT INTO looked_at
    SELECT number, value FROM (SELECT property, value FROM lines WHERE {ours}) JOIN rare USING (property)
"""
_LOOKED_AT = f"""
CREATE TEMP TABLE rare AS
    SELECT property, number FROM counted
    LEFT JOIN (SELECT number, count(*) AS seen FROM sampled GROUP BY number) USING (number)
    WHERE coalesce(seen, 0) < least({_RARE}, lines)
    QUALIFY sum(lines) OVER (ORDER BY lines, number ROWS UNBOUNDED PRECEDING) <= {_SAMPLE};
CREATE TEMP TABLE looked_at AS SELECT number, value FROM sampled ANTI JOIN rare USING (number);
"""  # noqa: S608 - constants
_VALUES = f"""
CREATE TEMP TABLE valued AS
    SELECT number, value, count(*) AS products,
        row_number() OVER (PARTITION BY number ORDER BY count(*) DESC, value) - 1 AS place
    FROM looked_at GROUP BY number, value QUALIFY place < {_VALUES_EACH}
"""  # noqa: S608 - constants
_LINES = """
SELECT dense_rank() OVER (ORDER BY product_id) - 1 AS product, number, coalesce(place, -1) AS place
FROM (SELECT product_id, number, min(value) AS value FROM sampled GROUP BY ALL) LEFT JOIN valued USING (number, value)
"""


class Naming:
    """The shared names of all properties, found while the categories are aligned.

    Only sources whose specifications have changed since the last run are read; all names are compared. The values of
    a shop are not read while it is the only one. If there are many lines, a child process does the work.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._changed = _to_read(stage)
        lines = sum(file.rows for file in stage.before.files("specs"))
        self._pool = _child() if lines >= _MIN_ROWS_FOR_CHILD and processes_for(None, _TWO) == _TWO else None
        asked = stage.before.root, stage.before.number, self._changed
        self._found = self._pool.submit(_in_child, *asked) if self._pool else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def write(self) -> pa.Table:
        """Write ``properties``, and return its rows.

        Raises:
            DataError: The child process ended unexpectedly.
        """
        before = self._stage.before
        try:
            rows = self._found.result() if self._found else _share_names(before, self._changed)
        except BrokenProcessPool as error:
            raise DataError(
                "align: the process that names properties ended; is memory short? Run the stage again."
            ) from error
        if self._changed is None:
            self._stage.write("properties", rows)
            return rows
        sources = sorted(self._changed | _renamed(before.table("properties"), rows))
        named = rows.filter(pc.is_in(rows["source"], pa.array(sources, pa.string())))
        self._stage.write("properties", named, only=sources)
        return rows


def _to_read(stage: Stage) -> set[str] | None:
    """Return the sources to read, None for all: the changed ones, and one whose values are now to be compared."""
    changed = stage.changed_sources("specs") if "properties" in stage.before.tables else None
    if not changed:
        return changed
    known = stage.before.table("properties", ("source", "terms"))
    compared = known.filter(pc.greater(pc.list_value_length(known["terms"]), 0))
    alone, read = (set(rows["source"].to_pylist()) for rows in (known, compared))
    return changed | (alone - read) if len(changed | alone) > 1 else changed


def _child() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=die_with_parent)


def _in_child(root: Path, version: int, changed: set[str] | None) -> pa.Table:
    with memory_limit(_CHILD_MB):
        return _share_names(Store.open(root).snapshot(version), changed)


def _share_names(snapshot: Snapshot, changed: set[str] | None) -> pa.Table:
    """Return the rows of ``properties``; those of unchanged sources stay as they are, except for the shared names."""
    before = snapshot.table("properties")
    new = None if changed is None else pc.is_in(before["source"], pa.array(sorted(changed), pa.string()))
    same = [] if new is None else [before.filter(pc.invert(new))]
    found = pa.concat_tables([*same, *_look(snapshot, changed, {name for rows in same for name in lines_of(rows)})])
    return _with_shared_names(found.sort_by([("source", "ascending"), ("property", "ascending")]).combine_chunks())


def lines_of(properties: pa.Table) -> dict[str, int]:
    """Return source -> lines of its specifications."""
    totals = pa.TableGroupBy(properties, "source").aggregate([("lines", "sum")])
    return dict(zip(totals["source"].to_pylist(), totals["lines_sum"].to_pylist(), strict=True))


def marks_of(properties: pa.Table) -> dict[str, DecimalMark | None]:
    """Return source -> the mark that it puts before decimals."""
    return dict(zip(*(properties[name].to_pylist() for name in ("source", "decimal")), strict=True))


def _with_shared_names(found: pa.Table) -> pa.Table:
    """Return rows of ``properties``, sorted by key, with their shared names."""
    columns = (found[name].to_pylist() for name in ("source", "property", "lines", "terms", "weights"))
    uses = [
        PropertyUse(source, name, {}, lines, dict(zip(terms, weights, strict=True)))
        for source, name, lines, terms, weights in zip(*columns, strict=True)
    ]
    shared = align_properties(uses, _conflicts(found))
    names = pa.array([shared[use.key] for use in uses], pa.string())
    return found.set_column(_SCHEMA.get_field_index("property_norm"), _SCHEMA.field("property_norm"), names)


def _renamed(before: pa.Table, now: pa.Table) -> set[str]:
    """Return the sources with a property whose shared name is new or has changed."""
    columns = ("source", "property", "property_norm")
    old, new = (set(zip(*(rows[name].to_pylist() for name in columns), strict=True)) for rows in (before, now))
    return {source for source, *_ in new - old}


def _look(snapshot: Snapshot, sources: Iterable[str] | None, others: Collection[str]) -> Iterator[pa.Table]:
    """Yield rows of ``properties`` of the given sources (None: of all), still without shared names.

    Args:
        snapshot: The tables.
        sources: Names of the sources to read.
        others: The other sources that have properties.
    """
    ours = "true" if sources is None else sources_sql(sources)
    with closing(snapshot.connection(("specs",))) as connection:
        counted = connection.sql(_COUNTS.format(ours=ours)).to_arrow_table()
    yield _SCHEMA.empty_table()
    lines = lines_of(counted)
    is_compared = len(lines.keys() | others) > 1
    for group in _together(lines):
        own = counted.filter(pc.is_in(counted["source"], pa.array(group)))
        total = sum(lines[source] for source in group)
        yield _look_at(snapshot, own, group, total, is_compared=is_compared)


def _together(lines: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield groups of sources to read together: large ones alone, others up to the size of a sample."""
    for group in file_groups(lines, _SAMPLE):
        part: list[str] = []
        for source in group:
            if part and sum(map(lines.__getitem__, part)) + lines[source] > _SAMPLE:
                yield part
                part = []
            part.append(source)
        yield part


def _look_at(snapshot: Snapshot, counted: pa.Table, group: Sequence[str], lines: int, *, is_compared: bool) -> pa.Table:
    """Return the rows of some small sources, or of one large source from a sample of whole buckets.

    Args:
        snapshot: The tables.
        counted: Source, property and lines of each property of the sources.
        group: Names of the sources.
        lines: Specification lines of the sources.
        is_compared: Whether the values are read.
    """
    buckets = snapshot.record.buckets
    first = range(min(-(-buckets * _SAMPLE // lines), buckets))
    ours = sources_sql(group)
    with closing(open_engine()) as engine:
        engine.execute(snapshot.view("first", "specs", only=first))
        marks = _marks(engine, ours)
        if not is_compared:
            unread: list[dict[str, int]] = [{} for _ in range(len(counted))]
            return _rows(counted, _uses(counted, unread, marks), *(np.empty(0, dtype=np.int64) for _ in range(3)))
        engine.register("counted", counted.append_column("number", pa.array(range(len(counted)), pa.int64())))
        engine.execute(_SAMPLED.format(ours=ours))
        engine.execute(_LOOKED_AT)
        if len(first) < buckets:
            engine.execute(snapshot.view("lines", "specs"))
            engine.execute(_RARE_LINES.format(ours=ours))
        engine.execute(_VALUES)
        return _rows(counted, _uses(counted, _values(engine, len(counted)), marks), *_numbers(engine))


def _marks(engine: duckdb.DuckDBPyConnection, ours: str) -> dict[str, DecimalMark | None]:
    """Return source -> the mark that it puts before decimals; sources without such numbers are left out."""
    lines: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for source, *line in engine.sql(_MARKED.format(ours=ours)).fetchall():
        lines[source].append((line[0], line[1]))
    return {source: mark_of_lines(found) for source, found in lines.items()}


def _values(engine: duckdb.DuckDBPyConnection, count: int) -> list[dict[str, int]]:
    """Return for each property its commonest values, with the number of products."""
    values: list[dict[str, int]] = [{} for _ in range(count)]
    for number, value, products in engine.sql(
        "SELECT number, value, products FROM valued ORDER BY number, place"
    ).fetchall():
        values[number][value] = products
    return values


def _uses(
    counted: pa.Table, values: Sequence[Mapping[str, int]], marks: Mapping[str, DecimalMark | None]
) -> list[PropertyUse]:
    columns = (counted[name].to_pylist() for name in ("source", "property", "lines"))
    return [
        PropertyUse(source, name, values[number], lines, decimal=marks.get(source))
        for number, (source, name, lines) in enumerate(zip(*columns, strict=True))
    ]


def _numbers(engine: duckdb.DuckDBPyConnection) -> Iterator[NDArray[np.int64]]:
    """Yield product, property and value of each line of the sample, as ``find_conflicts`` expects them."""
    lines = engine.sql(_LINES).to_arrow_table()
    yield from (lines[name].to_numpy().astype(np.int64) for name in ("product", "number", "place"))


def _rows(
    counted: pa.Table,
    uses: Sequence[PropertyUse],
    products: NDArray[np.int64],
    places: NDArray[np.int64],
    values: NDArray[np.int64],
) -> pa.Table:
    terms, names = value_matrix(uses)
    conflicts = find_conflicts(uses, products, places, values, terms)
    conflicts.sort_indices()
    others = conflicts.indices - np.repeat(_first_places(counted), np.diff(conflicts.indptr))
    held = [np.array(list(use.values.values()), dtype=np.float64) for use in uses]
    first = np.cumsum([0, *map(len, held)])
    sums = csr_array((np.concatenate(held), np.arange(first[-1]), first), shape=(len(uses), first[-1])) @ terms
    sums.sort_indices()
    hidden = pa.array([_hidden(name) for name in names], pa.string())
    term_ends = pa.array(sums.indptr, pa.int32())
    ends = pa.array(conflicts.indptr, pa.int32())
    columns = {
        "source": counted["source"].combine_chunks(),
        "property": counted["property"].combine_chunks(),
        "lines": counted["lines"].combine_chunks(),
        "property_norm": pa.array([""] * len(uses)),
        "terms": pa.ListArray.from_arrays(term_ends, hidden.take(pa.array(sums.indices))),
        "weights": pa.ListArray.from_arrays(term_ends, pa.array(sums.data)),
        "others": pa.ListArray.from_arrays(ends, pa.array(others, pa.int32())),
        "agreement": pa.ListArray.from_arrays(ends, pa.array(conflicts.data)),
        "decimal": pa.array([use.decimal for use in uses], pa.string()),
    }
    return pa.table(columns).select(_SCHEMA.names).cast(_SCHEMA)


def _hidden(term: str) -> str:
    """Return the term, with any text hashed, because a shop may ask to take the text down."""
    return f"{blake2b(term.encode(), digest_size=8).hexdigest()} " if term.endswith(" ") else term


def _first_places(rows: pa.Table) -> NDArray[np.int64]:
    """Return for each row the index of the first row of its source; rows are sorted by source."""
    sources = rows["source"].to_numpy(zero_copy_only=False)
    starts, counts = np.unique(sources, return_index=True, return_counts=True)[1:]
    return np.repeat(starts, counts)


def _conflicts(rows: pa.Table) -> csr_array:
    """Return the matrix of conflicts of all properties, sorted by source and name."""
    others, agreement = rows["others"].combine_chunks(), rows["agreement"].combine_chunks()
    counts = pc.list_value_length(others).to_numpy(zero_copy_only=False)
    places = others.flatten().to_numpy(zero_copy_only=False) + np.repeat(_first_places(rows), counts)
    ends = np.cumsum([0, *counts])
    return csr_array((agreement.flatten().to_numpy(zero_copy_only=False), places, ends), shape=(len(rows), len(rows)))
