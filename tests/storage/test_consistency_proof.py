"""Consistency that the keys of files prove, and cases that they cannot prove."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from core.engine import open_engine
from storage import Store
from storage.consistency import Proof, prove_keys
from storage.tables import TABLES
from tests.storage.synthetic import NOTHING, data_files, product, spec

_NAMES = [f"{source}:{number}" for source in "ab" for number in range(20)]


@pytest.fixture
def filled(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a workspace of two sources with separate files; each source's first product has two lines."""
    monkeypatch.setattr("storage.tables.partition_writer._SMALL", 0)
    for source in "ab":
        names = [name for name in _NAMES if name.startswith(source)]
        with store.stage(f"ingest-{source}", settings="") as stage:
            lines = [spec(name) | {"position": line} for name in names for line in (0, 1)]
            for table, rows in (("products", [product(name) for name in names]), ("specs", lines[:3])):
                stage.write(table, pa.Table.from_pylist(rows, TABLES[table].schema), within=[f"{source}:"])
            stage.commit(NOTHING)
    return store


def _proof(store: Store) -> Proof:
    snapshot = store.snapshot()
    with open_engine() as connection:
        return prove_keys(snapshot, connection)


def test_sound_tables_are_proven(filled: Store) -> None:
    proof = _proof(filled)
    assert proof == Proof(frozenset({"products", "specs"}), frozenset({"products", "specs"}), frozenset({"products"}))
    assert proof.holds(("specs", "products"))
    assert not proof.holds(("products", "specs"))
    assert not proof.holds(None)


def test_files_whose_ranges_overlap_are_proven_if_no_owner_is_in_two(filled: Store) -> None:
    first, *others = data_files(filled, "products")
    other = next(path for path in others if path.parent == first.parent)
    rows = pa.concat_tables([pq.ParquetFile(path).read() for path in (first, other)]).sort_by("product_id")
    even = pa.array([row % 2 == 0 for row in range(len(rows))])
    pq.write_table(rows.filter(even), first)
    pq.write_table(rows.filter(pc.invert(even)), other)
    assert "products" in _proof(filled).complete
    pq.write_table(rows.slice(1), other)
    assert _proof(filled).unique == frozenset()


def test_rows_in_a_bucket_of_others_prove_nothing(filled: Store) -> None:
    here, *others = data_files(filled, "products")
    there = next(path for path in others if path.parent != here.parent)
    rows = [pq.ParquetFile(path).read() for path in (here, there)]
    pq.write_table(pa.concat_tables(rows).sort_by("product_id"), here)
    assert "products" not in _proof(filled).unique


def test_owners_that_no_product_has_are_unique_but_not_known(filled: Store) -> None:
    with filled.stage("more", settings="") as stage:
        rows = pa.Table.from_pylist([spec("c:9")], TABLES["specs"].schema)
        stage.write("specs", rows, within=["c:"])
        stage.commit(NOTHING)
    proof = _proof(filled)
    assert "specs" in proof.unique
    assert "specs" not in proof.known


def test_a_damaged_file_proves_nothing(filled: Store) -> None:
    next(iter(data_files(filled, "specs"))).write_bytes(b"PAR1")
    assert _proof(filled).unique == frozenset({"products"})
