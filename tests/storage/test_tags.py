"""Tags are set, removed, and visible in SQL with any dataset version."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import UsageError
from storage import Store
from storage.tags import put_tag, read_tags, remove_tag, tags_digest, tags_of
from takedown.databases import erase_rows

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=1)


def test_tags_are_put_once_and_taken_off(store: Store) -> None:
    before = tags_digest(store.state)
    assert put_tag(store.state, " blue ", ["s:1", "s:2", "s:1"], "ann", NOW) == 2
    assert put_tag(store.state, "blue", ["s:2", "s:3"], "bob", NOW) == 1
    assert tags_digest(store.state) != before
    assert remove_tag(store.state, "blue", ["s:1", "s:9"]) == 1
    assert read_tags(store.state).to_pydict() == {"product_id": ["s:2", "s:3"], "tag": ["blue", "blue"]}
    assert (tags_of(store.state, "s:2"), tags_of(store.state, "s:1")) == (["blue"], [])


@pytest.mark.parametrize("tag", ["", "  ", "a\nb", "x" * 61])
def test_an_invalid_tag_is_refused(store: Store, tag: str) -> None:
    with pytest.raises(UsageError, match="is not a valid tag"):
        put_tag(store.state, tag, ["s:1"], "ann", NOW)


def test_sql_reads_the_tags_of_now_and_a_takedown_takes_them(store: Store) -> None:
    assert store.snapshot().sql("SELECT * FROM tags").num_rows == 0
    put_tag(store.state, "it's", ["s:1", "s:2"], "ann", NOW)
    query = "SELECT product_id FROM tags WHERE tag = 'it''s' ORDER BY 1"
    assert store.snapshot().sql(query)["product_id"].to_pylist() == ["s:1", "s:2"]
    erase_rows(store.root / "state.sqlite", ["s:1"])
    assert store.snapshot().sql(query)["product_id"].to_pylist() == ["s:2"]
