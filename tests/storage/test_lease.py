"""One writer at a time across machines."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import WorkspaceError
from storage.lease import LEASE, STALE_AFTER, Holder, Lease, _began, _encode, _machine
from storage.location import ObjectStore
from tests.storage.failing_store import FailingStore
from tests.storage.machines import ADDRESS, OnMachine, make, open_at
from tests.storage.synthetic import commit, ids, products

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ELSEWHERE = Holder("other", "another machine", 1, "", "theirs", NOW.isoformat())


def leave(holder: Holder) -> ObjectStore:
    store = ObjectStore(ADDRESS)
    store.write(LEASE, _encode(holder))
    return store


def lease_at(store: ObjectStore, now: datetime, token: str = "mine") -> Lease:
    return Lease(store, token, lambda: now)


def test_who_comes_second_is_told_who_writes(on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    other = open_at(on_machine("b"))
    told = r"failing://bucket/shop: another run, process \d+ of .* writes to this workspace\. Wait until it ends"
    with store.lock(), pytest.raises(WorkspaceError, match=told), other.lock():
        pass
    with other.lock():
        pass


def test_reading_needs_no_lease(on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    commit(store, {"products": products(ids(3))})
    with store.lock():
        assert open_at(on_machine("b")).snapshot().table("products") == products(ids(3))


@pytest.mark.parametrize("age", [timedelta(0), STALE_AFTER])
def test_a_lease_that_is_renewed_is_not_taken(far: type[FailingStore], age: timedelta) -> None:
    store = leave(ELSEWHERE)
    with pytest.raises(WorkspaceError, match="process 1 of other"):
        lease_at(store, NOW + age).take()
    assert store.read(LEASE) == _encode(ELSEWHERE)


def test_lost_lease_is_taken_over_and_not_dropped_by_its_loser(
    far: type[FailingStore],
) -> None:
    store = ObjectStore(ADDRESS)
    first = lease_at(store, NOW)
    first.take()
    held = Holder(**json.loads(store.read(LEASE) or b""))
    store.write(LEASE, _encode(replace(held, machine="another machine")))
    second = lease_at(store, NOW + STALE_AFTER + timedelta(seconds=1), "theirs")
    second.take()
    with pytest.raises(WorkspaceError, match="another machine has taken over this workspace"):
        first.confirm()
    first.drop()
    assert second.is_own()
    second.drop()
    assert not second.is_own()
    first.take()


def test_lease_of_dead_process_is_taken_over(far: type[FailingStore]) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as process:
        alive = Holder("here", _machine(), process.pid, _began(process.pid), "theirs", NOW.isoformat())
        store = leave(alive)
        with pytest.raises(WorkspaceError, match=f"process {process.pid} of here"):
            lease_at(store, NOW).take()
        process.communicate("\n")
    lease_at(store, NOW).take()


def test_a_number_of_a_process_that_came_again_is_not_the_holder(far: type[FailingStore]) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as process:
        store = leave(Holder("here", _machine(), process.pid, "12", "theirs", NOW.isoformat()))
        lease_at(store, NOW).take()
        process.communicate("\n")


def test_a_writer_that_lost_its_lease_stores_nothing(far: type[FailingStore], on_machine: OnMachine) -> None:
    slow = make(on_machine("a"))
    with suppress(WorkspaceError), slow.lock():
        leave(replace(ELSEWHERE, renewed=(datetime.now(UTC) - 2 * STALE_AFTER).isoformat()))
        quick = open_at(on_machine("b"))
        commit(quick, {"products": products(ids(2))})
        before = [name for name in far.objects() if "/versions/" in name or "/_delta_log/" in name]
        with pytest.raises(WorkspaceError, match=r"another machine (wrote to|has taken over) this workspace"):
            commit(slow, {"products": products(ids(5))})
    assert [name for name in far.objects() if "/versions/" in name or "/_delta_log/" in name] == before
    assert open_at(on_machine("c")).snapshot().table("products") == products(ids(2))
