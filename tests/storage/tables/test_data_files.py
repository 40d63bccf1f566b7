"""Keys of a file are found sorted exactly if a plain comparison of neighbours finds them sorted."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import bucket_of, open_engine
from storage.tables.data_files import other_buckets, read_owners

_rows = st.lists(st.tuples(st.sampled_from(["", "a", "ab", "b", "é", "中"]), st.integers(0, 2)), max_size=7)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.parquet"


@settings(max_examples=60)
@given(rows=st.one_of(_rows, _rows.map(lambda rows: sorted(set(rows)))), coded=st.booleans(), group=st.integers(1, 3))
def test_order_is_that_of_neighbours(path: Path, rows: list[tuple[str, int]], *, coded: bool, group: int) -> None:
    table = pa.table(
        {"more": [1.0] * len(rows), "n": [n for _, n in rows], "name": pa.array([t for t, _ in rows], "str")}
    )
    pq.write_table(table, path, row_group_size=group, use_dictionary=coded)
    owners = read_owners(path, ["name", "n"])
    assert (owners is not None) == all(before < after for before, after in pairwise(rows))
    if owners is not None:
        assert owners.to_pylist() == sorted({text for text, _ in rows})


def test_a_key_that_is_null_is_not_in_order(path: Path) -> None:
    pq.write_table(pa.table({"name": pa.array([None], "str")}), path)
    assert read_owners(path, ["name"]) is None


def test_owners_of_another_bucket_are_found() -> None:
    names = [f"shop:{number}" for number in range(40)]
    here = [name for name in names if bucket_of(name, 4) == 3]
    with open_engine() as engine:
        assert other_buckets(engine, pa.array(here), 4, 3) == []
        assert other_buckets(engine, pa.array(names), 4, 3) == [0, 1, 2]
