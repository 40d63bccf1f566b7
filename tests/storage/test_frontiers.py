"""Each source has its own frontier file, whose loss is noticed and which is stored only after a crawl of the source."""

from contextlib import closing

import pytest

from core.errors import CorruptObjectError
from storage import Store
from storage.integrity import find_damage
from tests.storage.failing_store import FailingStore
from tests.storage.machines import OnMachine, far, make, on_machine, open_at

__all__ = ["far", "on_machine"]

DDL = ("CREATE TABLE pages (url TEXT)",)


def add(store: Store, source: str, url: str) -> None:
    store.frontiers.add(source, "crawler", DDL)
    with closing(store.frontiers.of(source).connect()) as connection:
        connection.execute("INSERT INTO pages VALUES (?)", (url,))


def crawl(store: Store, source: str, url: str) -> None:
    with store.lock():
        add(store, source, url)


def urls(store: Store, source: str) -> list[str]:
    with closing(store.frontiers.of(source).connect_reading()) as connection:
        return [url for (url,) in connection.execute("SELECT url FROM pages")]


def tags(far: type[FailingStore]) -> dict[str, object]:
    listed = (facts for batch in far.memory.list() for facts in batch)
    return {facts["path"].removeprefix("bucket/shop/"): facts["e_tag"] for facts in listed}


def test_a_lost_frontier_is_named_and_never_made_anew(store: Store) -> None:
    assert store.frontiers.names() == []
    for source in ("b", "a", "b"):
        add(store, source, "x")
    assert (store.frontiers.names(), urls(store, "b")) == (["a", "b"], ["x", "x"])
    (store.root / "frontiers/a.sqlite").unlink()
    with pytest.raises(CorruptObjectError, match=r"frontiers/a\.sqlite: missing"):
        add(store, "a", "x")
    assert [(damage.kind, damage.name) for damage in find_damage(store.root)] == [("frontier", "a")]


def test_a_crawl_stores_the_frontier_of_its_own_source_alone(far: type[FailingStore], on_machine: OnMachine) -> None:
    first = make(on_machine("a"))
    crawl(first, "large", "1")
    crawl(first, "small", "2")
    second = open_at(on_machine("b"))
    assert not (second.root / "frontiers").exists(), "a frontier comes when it is first read"
    assert list(find_damage(second.root)) == []
    assert urls(second, "large") == ["1"]
    before = tags(far)
    crawl(second, "small", "3")
    changed = {name for name, tag in tags(far).items() if before.get(name) != tag}
    assert changed == {"frontiers/small.sqlite", ".m5data/lease.json"}
    first.objects.close()
    far.downloads.clear()
    back = open_at(first.root)
    assert (urls(back, "large"), urls(back, "small")) == (["1"], ["2", "3"])
    assert [name for name in far.downloads if name.startswith("frontiers/")] == ["frontiers/small.sqlite"]


def test_what_was_not_stored_gives_way_to_what_another_machine_stored(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    first = make(on_machine("a"))
    crawl(first, "shop", "1")
    second = open_at(on_machine("b"))
    add(second, "shop", "lost")
    add(second, "own", "lost")
    crawl(first, "shop", "2")
    back = open_at(second.root)
    assert (back.frontiers.names(), urls(back, "shop")) == (["shop"], ["1", "2"])
    assert not (back.root / "frontiers/own.sqlite").exists()
