"""The table ``spec_norms``: the values of specification lines in normal form, with their units."""

from collections.abc import Mapping, Sequence
from contextlib import closing

import pyarrow as pa

from align.values import normal_value
from core.engine import open_engine, side_by_side, sources_sql
from core.numbers import DecimalMark
from storage import Stage
from storage.changes import file_groups

__all__ = ["buckets_of", "write_spec_norms"]

_OWN_FILE = 1_500_000
"""Minimum lines for a source to get its own files, which writes of other sources leave unchanged."""
_PLAIN = "[!-*,./:-~一-鿿À-ÿ][!-~一-鿿À-ÿ]*( [!-~一-鿿À-ÿ]+)*"
"""Values that are their own normal form: they begin with no digit or sign, and contain nothing that folding changes."""
_MARKS: tuple[DecimalMark | None, ...] = (".", ",", None)
_ODD = f"SELECT DISTINCT property, value, mark FROM lines WHERE NOT regexp_full_match(value, '{_PLAIN}')"  # noqa: S608
_NORMS = """
SELECT product_id, position, coalesce(n.value_norm, value) AS value_norm, n.unit, number
FROM lines LEFT JOIN normal n USING (property, value, mark) WHERE {ours}
"""
_NORMAL = pa.schema(
    [
        *((name, pa.string()) for name in ("property", "value")),
        ("mark", pa.int32()),
        *((name, pa.string()) for name in ("value_norm", "unit")),
        ("number", pa.float64()),
    ]
)


def write_spec_norms(stage: Stage, lines: Mapping[str, int], marks: Mapping[str, DecimalMark | None]) -> None:
    """Write ``spec_norms`` of the sources whose specifications changed; memory grows with the lines of a few buckets.

    Args:
        stage: The running stage.
        lines: Source -> lines of its specifications, all sources.
        marks: Source -> the mark that it puts before decimals.
    """
    changed = stage.changed_sources("specs")
    chosen = lines if changed is None else {source: lines.get(source, 0) for source in changed}
    mark = _mark_sql({source: marks.get(source) for source in chosen})
    groups = file_groups(chosen, _OWN_FILE) or ([[]] if changed is None else [])

    def write(bucket: int) -> None:
        with closing(open_engine()) as engine:
            engine.execute(stage.before.view("every_line", "specs", only=[bucket]))
            engine.execute(f"CREATE VIEW lines AS SELECT *, {mark} AS mark FROM every_line WHERE {sources_sql(chosen)}")  # noqa: S608
            engine.register("normal", _normal(engine.sql(_ODD).to_arrow_table()))
            for place, group in enumerate(groups):
                anew = changed is None and not place  # the first write replaces all existing rows
                within = None if anew else [f"{source}:" for source in group]
                rows = engine.sql(_NORMS.format(ours=sources_sql(group)))
                stage.write("spec_norms", rows, only=[bucket], within=within)

    side_by_side(write, buckets_of(stage, "specs", "spec_norms") if groups else [])


def _mark_sql(marks: Mapping[str, DecimalMark | None]) -> str:
    """Return the SQL of the index in ``_MARKS`` of a line's mark."""
    sources = [[source for source, own in marks.items() if own == mark] for mark in _MARKS]
    usual = max(range(len(_MARKS)), key=lambda place: len(sources[place]))
    others = ((place, own) for place, own in enumerate(sources) if own and place != usual)
    cases = " ".join(f"WHEN {sources_sql(own)} THEN {place}" for place, own in others)
    return f"CASE {cases} ELSE {usual} END" if cases else str(usual)


def buckets_of(stage: Stage, *tables: str) -> list[int]:
    """Return the buckets of any of the tables, sorted."""
    return sorted({b for table in tables for b in stage.before.partitions(table) if isinstance(b, int)})


def _normal(odd: pa.Table) -> pa.Table:
    """Return the normal forms of distinct properties, values and marks."""
    columns: list[Sequence[object]] = [odd[name].to_pylist() for name in ("property", "value", "mark")]
    normal = [normal_value(value, name, _MARKS[mark]) for name, value, mark in zip(*columns, strict=True)]
    columns += [[one.text for one in normal], [one.unit for one in normal], [one.number for one in normal]]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, _NORMAL, strict=True)], _NORMAL)
