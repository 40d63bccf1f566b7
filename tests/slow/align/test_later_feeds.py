"""Later feeds: a run that processes only the changes produces the same tables as a run from scratch."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align import align_stage
from align.settings import AlignSettings
from core.stage import StageReport
from storage import Store
from storage.tables import TABLES
from tests.align.test_align_stage import NOON, Listing, fill

_LINES = st.lists(
    st.tuples(
        st.sampled_from(["颜色", "颜色分类", "净含量", "净含量(g)", "容量", "材质"]),
        st.sampled_from(["黑色", "白色", "红色", "500g", "1 kg", "250ml", "棉"]),
    ),
    max_size=4,
)
_PRODUCTS = st.lists(
    st.tuples(
        st.sampled_from([("食品", "咖啡"), ("食品", "茶"), ("玩具", "积木"), ("食品", "咖啡/奶茶")]),
        st.sampled_from(["速溶咖啡 三合一", "儿童积木 拼图", None]),
        st.booleans(),
        _LINES,
    ),
    min_size=1,
    max_size=5,
)
Feeds = dict[str, list[tuple[tuple[str, ...], str | None, bool, list[tuple[str, str]]]]]
_FEEDS = st.dictionaries(st.sampled_from("abc"), _PRODUCTS, min_size=1)
_TABLES = ("properties", "spec_norms", "labels", "label_map", "label_pairs", "rejects")


def _add(store: Store, feeds: Feeds, changed: set[str]) -> None:
    """Write all products, and the specifications of each changed feed separately."""
    named = {f"{source}:{n}": one for source, feed in feeds.items() for n, one in enumerate(feed)}
    fill(store, [Listing(name, path, caption, kept=kept) for name, (path, caption, kept, _) in named.items()])
    rows = [
        {"product_id": name, "position": position, "property": line[0], "value": line[1]}
        for name, (*_, lines) in named.items()
        for position, line in enumerate(lines)
    ]
    for source in sorted(changed):
        own = [row for row in rows if str(row["product_id"]).startswith(f"{source}:")]
        with store.stage(f"ingest-{source}", settings="test") as stage:
            table = pa.Table.from_pylist(own, schema=TABLES["specs"].schema)
            stage.write("specs", table, within=[f"{source}:"])
            stage.commit(StageReport(f"ingest-{source}", 0, 0))


def _tables(store: Store) -> dict[str, list[dict[str, object]]]:
    align_stage.run(store, AlignSettings(), clock=lambda: NOON)
    snapshot = store.snapshot()
    return {
        name: [
            {column: value for column, value in row.items() if not column.endswith("_id") or column == "product_id"}
            for row in snapshot.table(name).to_pylist()
        ]
        for name in _TABLES
    }


@pytest.mark.parametrize("large", [False, True])
@settings(max_examples=20, deadline=None)
@given(feeds=_FEEDS, later=st.lists(_FEEDS, min_size=1, max_size=2))
def test_tables_after_later_feeds_are_those_of_a_run_from_nothing(
    feeds: Feeds, later: list[Feeds], *, large: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("storage.tables.partition_writer._SMALL", 0)
        if large:  # every source is sampled, and has its own files
            patch.setattr("align.property_uses._SAMPLE", 2)
            patch.setattr("align.spec_norms._OWN_FILE", 1)
        grown = Store.create(Path(folder) / "grown", buckets=2)
        _add(grown, feeds, set(feeds))
        found = _tables(grown)
        for more in later:
            feeds = {**feeds, **more}
            _add(grown, feeds, set(more))
            found = _tables(grown)
        fresh = Store.create(Path(folder) / "fresh", buckets=2)
        _add(fresh, feeds, set(feeds))
        assert found == _tables(fresh)


def test_names_found_in_a_child_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [("颜色", "黑色"), ("颜色", "白色"), ("净含量", "500g")]
    feeds: Feeds = {name: [(("食品", "茶"), "绿茶", True, [line]) for line in lines] for name in "ab"}
    here, there = (Store.create(tmp_path / name, buckets=2) for name in ("here", "there"))
    for store in (here, there):
        _add(store, feeds, set(feeds))
    expected = _tables(here)
    monkeypatch.setattr("align.property_uses._MIN_ROWS_FOR_CHILD", 1)
    assert _tables(there) == expected
