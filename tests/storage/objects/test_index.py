"""The index of objects is filled from the table ``objects``, and moved out of the state that once held it."""

import pytest

from core.errors import CorruptObjectError
from core.stage import StageReport
from storage import Store
from storage.objects.index import FIRST
from tests.storage.failing_store import FailingStore
from tests.storage.machines import OnMachine, far, make, on_machine, open_at

__all__ = ["far", "on_machine"]


def put(store: Store, *payloads: bytes, commit: bool = True) -> list[str]:
    with store.stage("fill", settings=str(payloads)) as stage:
        with store.objects.writer("media") as writer:
            found = [writer.put(payload, mime="image/png", url="http://shop.example/1.png") for payload in payloads]
        if commit:
            stage.commit(StageReport("fill", 1, 1))
    return found


def stored(store: Store) -> list[str]:
    index = store.objects.index
    return sorted(ref.sha256 for refs in index.after(FIRST, index.last()) for ref in refs)


def remove_index(store: Store) -> None:
    store.objects.close()
    for path in store.root.glob("index.sqlite*"):
        path.unlink()


def test_lost_index_is_filled_from_the_table(store: Store) -> None:
    known = put(store, b"one", b"two")
    remove_index(store)
    again = Store.open(store.root)
    assert again.objects.read(known[0]) == b"one"
    more = put(again, b"three", b"one")
    assert again.snapshot().table("objects")["sha256"].to_pylist() == sorted({*known, *more})
    assert stored(again) == sorted({*known, *more})


def test_objects_that_no_version_has_are_not_lost_with_the_index(store: Store) -> None:
    put(store, b"one")
    put(store, b"two", commit=False)
    remove_index(store)
    with pytest.raises(CorruptObjectError, match=r"index\.sqlite: missing or older, and objects/media-"):
        Store.open(store.root).objects.index.last()


def names(far: type[FailingStore]) -> set[str]:
    return {name.removeprefix("bucket/shop/") for name in far.objects()}


def test_a_store_has_the_index_only_while_no_version_has_its_objects(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    first = make(on_machine("a"))
    put(first, b"one")
    assert "index.sqlite" not in names(far)
    put(first, b"two", commit=False)
    assert "index.sqlite" in names(far)
    second = open_at(on_machine("b"))
    assert {second.objects.read(sha256) for sha256 in stored(second)} == {b"one", b"two"}
    put(second, b"three")
    assert "index.sqlite" not in names(far)
    first.objects.close()
    back = open_at(on_machine("a"))
    assert len(stored(back)) == 3
    put(back, b"four")
    assert stored(open_at(on_machine("b"))) == stored(back) == stored(open_at(on_machine("c")))
    assert list(back.verify_objects()) == []
