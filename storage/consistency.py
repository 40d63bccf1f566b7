"""Checks of one dataset version: keys, references between tables, and the counts that stages reported.

Grouping and joining the keys of whole tables costs ten times as much as reading them in order. So the files are first
read once, bucket by bucket, to prove what needs no query:

- In a file each key is greater than the one before, and no owner (first column of the key) occurs in two files of a
  partition: no key occurs twice in the partition.
- Each product hashes to the bucket that its folder names. In the other tables, an owner that is among the products of
  its bucket belongs there, too; other owners are hashed: no key occurs in two buckets.
- If the owners of a table are among the products of their bucket, it names only known products; if they equal them,
  it names all.

A rule that is not proven may still hold: then a query decides, and names the violations.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from core.check import Check, check_none
from core.engine import quote, side_by_side, widen
from core.table_spec import Partition, TableSpec
from storage.consistency_rules import rules
from storage.files import Layout
from storage.tables import TABLES
from storage.tables.data_files import data_paths, file_key, other_buckets, read_owners, repeated_keys_sql, sorted_once
from storage.versions import ABSENT, Snapshot

__all__ = ["Proof", "check_consistency", "check_counts", "check_tables", "is_current", "prove_keys"]

_MAX_MB = 2_000
"""Checks join the ids of whole tables; spilling to disk would take several times as long."""
_PRODUCTS = "products"


@dataclass(frozen=True, slots=True)
class Proof:
    """Facts that the keys of tables prove."""

    unique: frozenset[str] = frozenset()
    """Tables that hold each key once."""
    known: frozenset[str] = frozenset()
    """Tables whose owners are all in ``products``."""
    complete: frozenset[str] = frozenset()
    """Tables whose owners are exactly those in ``products``."""

    def holds(self, inside: tuple[str, str] | None) -> bool:
        """Return whether every owner in the first table is also one in the second."""
        return inside is not None and inside[0] in self.known and inside[1] in self.complete


@dataclass(frozen=True, slots=True)
class _Part:
    """Facts that one partition of a table proves."""

    unique: bool
    known: bool = False
    complete: bool = False


_Parts = dict[tuple[str, Partition], _Part]
_NOTHING = Proof()


def check_consistency(snapshot: Snapshot) -> Iterator[Check]:
    """Yield the checks of keys, of references between tables, and of reported counts.

    Tables of a stage whose inputs have changed since its run are behind, not wrong, and are left out. So are rules on
    a table that no stage has written yet. The check ``stages`` names both.
    """
    behind = sorted(name for name in snapshot.stages if not is_current(snapshot, name))
    ahead = [rule.table for rule in rules() if rule.table not in snapshot.tables]
    yield _check_stages(behind, sorted(set(ahead)))
    with closing(snapshot.connection()) as connection:
        widen(connection, _MAX_MB)
        yield from check_tables(connection, behind, ahead, prove_keys(snapshot, connection))
        yield from check_counts(snapshot, connection)


def _check_stages(behind: Collection[str], ahead: Collection[str]) -> Check:
    late = f"not run since their inputs changed, so left out: {', '.join(behind)}"
    details = [late if behind else "every stage saw its newest inputs"]
    if ahead:
        details.append(f"not written yet, so not checked: {', '.join(ahead)}")
    return Check("stages", ok=True, detail="; ".join(details), complete=not behind)


def check_tables(
    connection: duckdb.DuckDBPyConnection,
    behind: Collection[str] = (),
    ahead: Collection[str] = (),
    proof: Proof = _NOTHING,
) -> Iterator[Check]:
    """Yield the checks of keys and of references between tables.

    Args:
        connection: Has a view or table for each table of a workspace.
        behind: Stages whose tables are left out.
        ahead: Tables that no stage has written yet.
        proof: Facts proven by the order of their files; queries check the rest.
    """
    for name, spec in TABLES.items():
        repeated = repeated_keys_sql(spec, quote(name))
        promise = f"one row for each {', '.join(spec.key)}"
        if repeated and name in proof.unique:
            yield Check(f"keys:{name}", ok=True, detail=promise)
        elif repeated:
            wrong = f"SELECT concat_ws(', ', COLUMNS(*)) FROM ({repeated})"  # noqa: S608 - names of the schema
            yield check_none(connection, f"keys:{name}", wrong, promise=promise)
    for rule in rules():
        if rule.stage in behind or rule.table in ahead:
            continue
        if proof.holds(rule.inside):
            yield Check(rule.name, ok=True, detail=rule.promise)
        else:
            yield check_none(connection, rule.name, rule.wrong, promise=rule.promise)


_KEPT = {
    "download": "SELECT count(DISTINCT url) FROM media WHERE state = 'ok'",
    "texts": "SELECT count(*) FROM texts",
    "dedup": "SELECT count(*) FROM duplicates WHERE kept",
    "align": "SELECT count(*) FROM labels",
    "matches": "SELECT count(*) FROM judgements",
}
"""Stage -> query for the number of rows it kept, where one table holds exactly those."""


def is_current(snapshot: Snapshot, stage: str) -> bool:
    """Return whether the tables that a stage read are still those of this version, and none was added since."""
    return all(snapshot.tables.get(table, ABSENT) == version for table, version in snapshot.stages[stage].reads.items())


def check_counts(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection) -> Iterator[Check]:
    """Yield for each stage whether the numbers of its rejects and kept rows match its report.

    Args:
        snapshot: Dataset version to check.
        connection: Its views.
    """
    rejects: dict[str, Counter[str]] = {}
    for stage, reason, count in connection.sql(
        "SELECT stage, reason, count(*) FROM rejects GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        rejects.setdefault(stage, Counter())[reason] = count
    for stage, record in sorted(snapshot.stages.items()):
        reported, found = {**record.report.dropped, **record.report.left_out}, dict(rejects.get(stage, {}))
        same = reported == found
        detail = f"{sum(found.values()):,} rejects, as reported" if same else f"reported {reported}, found {found}"
        yield Check(f"rejects:{stage}", same, detail)
        if stage in _KEPT and is_current(snapshot, stage):
            rows = int(connection.sql(_KEPT[stage]).fetchall()[0][0])
            kept = record.report.kept
            yield Check(f"kept:{stage}", rows == kept, f"{kept:,} rows kept as reported, {rows:,} in the table")
    unknown = sorted(set(rejects) - set(snapshot.stages))
    if unknown:
        yield Check("rejects", ok=False, detail=f"rejects of stages that never ran: {', '.join(unknown)}")


def prove_keys(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection) -> Proof:
    """Read the keys of every table and return what they prove; a file that cannot be read proves nothing.

    Args:
        snapshot: Dataset version to check.
        connection: Computes the buckets.
    """
    tables = [spec for spec in TABLES.values() if snapshot.files(spec.name)]
    bucketed = sorted((spec for spec in tables if spec.bucket_of), key=lambda spec: spec.name != _PRODUCTS)
    looks: list[Callable[[], _Parts]] = [
        *(
            partial(_look_at_bucket, snapshot, connection, bucketed, bucket)
            for bucket in range(snapshot.record.buckets)
        ),
        *(partial(_look_at_table, snapshot, spec) for spec in tables if not spec.bucket_of),
    ]
    parts: _Parts = {}
    side_by_side(lambda look: parts.update(look()), looks)
    return _summed_up(parts)


def _summed_up(parts: Mapping[tuple[str, Partition], _Part]) -> Proof:
    of: dict[str, list[_Part]] = {}
    for (name, _), part in parts.items():
        of.setdefault(name, []).append(part)
    unique = frozenset(name for name, some in of.items() if all(part.unique for part in some))
    if _PRODUCTS not in unique:  # then it is also unknown where other owners belong
        return Proof(frozenset(name for name in unique if not TABLES[name].bucket_of))
    known = frozenset(name for name, some in of.items() if all(part.known for part in some))
    return Proof(unique, known, frozenset(name for name in known if all(part.complete for part in of[name])))


def _look_at_table(snapshot: Snapshot, spec: TableSpec) -> _Parts:
    """Look at a table without buckets: its partitions differ in a column of the key."""
    partitions = snapshot.by_partition(spec.name)
    return {(spec.name, each): _Part(unique=_owners(snapshot, spec, each) is not None) for each in partitions}


def _look_at_bucket(
    snapshot: Snapshot, connection: duckdb.DuckDBPyConnection, tables: Sequence[TableSpec], bucket: int
) -> _Parts:
    """Look at one bucket of each table; ``products`` is the first of them, if it has rows."""
    parts: _Parts = {}
    products = pa.array([], pa.string())
    for spec in tables:
        owners = _owners(snapshot, spec, bucket)
        if owners is None:
            parts[spec.name, bucket] = _Part(unique=False)
        elif spec.name == _PRODUCTS:
            parts[spec.name, bucket] = _Part(_belong(owners, snapshot, connection, bucket), known=True, complete=True)
            products = owners
        elif owners.equals(products):
            parts[spec.name, bucket] = _Part(unique=True, known=True, complete=True)
        else:
            others = owners.filter(pc.invert(pc.is_in(owners, products)))
            parts[spec.name, bucket] = _Part(_belong(others, snapshot, connection, bucket), known=not len(others))
    return parts


def _owners(snapshot: Snapshot, spec: TableSpec, partition: Partition) -> pa.Array | None:
    """Return the sorted, distinct owners in a partition; None if a key may occur twice in it."""
    files = snapshot.by_partition(spec.name).get(partition, ())
    names = file_key(spec)
    if not names:
        return pa.array([], pa.string()) if sum(file.rows for file in files) <= 1 else None
    found = []
    for path in data_paths(Layout(snapshot.root).table(spec.name), files):
        try:
            owners = read_owners(path, names)
        except (pa.ArrowException, OSError):  # the query that decides instead reports the damage
            return None
        if owners is None:
            return None
        found.append(owners)
    found.sort(key=lambda owners: owners[:1].to_pylist())
    together = pa.concat_arrays(found) if found else pa.array([], pa.string())
    once = sorted_once(together)
    return once if len(once) == len(together) else None


def _belong(owners: pa.Array, snapshot: Snapshot, connection: duckdb.DuckDBPyConnection, bucket: int) -> bool:
    if not len(owners):
        return True
    with closing(connection.cursor()) as own:
        return not other_buckets(own, owners, snapshot.record.buckets, bucket)
