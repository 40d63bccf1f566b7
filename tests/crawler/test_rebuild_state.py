"""The frontiers of an older workspace are moved out of its state, even if the move is killed."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from crawler.crawl.frontier import Frontier, each_frontier, make_frontier, open_frontier
from crawler.crawl.stored_pages import pages_digest
from crawler.crawl.visits import Found, Visit
from crawler.rebuild_state import move_frontiers
from storage import Store
from tests.crawler.older_state import put_into_state

NOW = "2024-05-01T00:00:00+00:00"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with the frontiers of two sources."""
    store = Store.create(tmp_path / "workspace")
    for source in ("north", "south"):
        make_frontier(store, source)
        with open_frontier(store, source) as connection:
            frontier = Frontier(connection, source, NOW)
            frontier.add(Found(f"https://{source}.example/{n}") for n in range(3))
            page = frontier.take(1, ())[0]
            frontier.record([Visit(page, "done", page_sha256="aa", headers={})], [("/", "p", 2)])
            connection.execute("INSERT INTO source_runs (source, scope) VALUES (?, 'x')", (source,))
            connection.execute(
                "INSERT INTO source_files VALUES (?, 200, '', ?)", (f"https://{source}.example/robots.txt", NOW)
            )
    return store


def pages(store: Store) -> Mapping[str, object]:
    tables = ("source_pages", "source_runs", "source_spaces")
    return {
        source: [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
        for source, connection in each_frontier(store)
    }


def test_a_killed_move_is_repeated_and_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    known, digest = pages(store), pages_digest(store)
    put_into_state(store.root)
    planned = move_frontiers(store, dry_run=True)
    assert [line.partition(":")[0] for line in planned] == ["frontiers/north.sqlite", "frontiers/south.sqlite"]
    assert pages(store) == {}

    def killed_at_the_second(store: Store, source: str) -> None:
        if source == "south":
            raise KeyboardInterrupt
        make_frontier(store, source)

    with monkeypatch.context() as patch:
        patch.setattr("crawler.rebuild_state.make_frontier", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            move_frontiers(store, dry_run=False)
    assert move_frontiers(store, dry_run=False) == planned
    assert move_frontiers(store, dry_run=False) == []
    assert (pages(store), pages_digest(store)) == (known, digest)
    assert store.state.damage() is None
