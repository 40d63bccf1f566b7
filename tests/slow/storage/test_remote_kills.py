"""A writer killed before any of its writes to the object store leaves a complete version there."""

from storage import Store
from storage.lease import LEASE
from storage.working_copy import fetch_all
from tests.slow.storage.test_kill import check
from tests.storage.failing_store import FailingStore
from tests.storage.machines import OnMachine, make, open_at
from tests.storage.synthetic import leftovers
from tests.storage.writer_process import write_steps

LAST = 2
EVERY = 5
"""Writes between two kills; 1 tries all of them, in a minute."""


def kill_before(far: type[FailingStore], write: int, store: Store) -> bool:
    """Write all steps, killed before a write to the store; return whether the run ended before that write."""
    killed = far.killed_before(write, lambda: write_steps(store, LAST))
    store.objects.close()
    far.remove(f"bucket/shop/{LEASE}")  # the kill is simulated: the process that holds the lease is alive
    return not killed


def finish_and_check(far: type[FailingStore], store: Store) -> None:
    with store.lock():  # first stores anything that was committed but not stored
        write_steps(store, LAST)
    with store.lock():
        fetch_all(store.root)  # so that leftovers in the store are found here
    check(store.snapshot())
    assert list(store.verify_objects()) == []
    assert [name for name in leftovers(store) if not name.startswith(".m5data/")] == []
    assert sum("/versions/" in name for name in far.objects()) == LAST + 2
    store.objects.close()


def test_killed_before_every_write(far: type[FailingStore], on_machine: OnMachine) -> None:
    write, ended, machines = 0, False, 0
    seen = set()
    while not ended:
        far.empty()
        machines += 1
        ended = kill_before(far, write, make(on_machine(f"killed-{machines}")))
        fresh = open_at(on_machine(f"fresh-{machines}"))
        check(fresh.snapshot())
        seen.add(fresh.snapshot().number)
        assert list(fresh.verify_objects()) == []
        last = ("fresh", "killed", "other")[machines % 3]  # it has read everything, has written it, or has nothing
        finish_and_check(far, fresh if last == "fresh" else open_at(on_machine(f"{last}-{machines}")))
        again = open_at(on_machine(f"again-{machines}"))
        check(again.snapshot())
        assert again.snapshot().number == LAST + 1
        again.objects.close()
        write += EVERY
    assert seen == set(range(LAST + 2))


def test_objects_of_a_killed_push_are_removed_by_the_next_writer(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    store = make(on_machine("a"))
    before = far.objects().keys()  # with the lease, which stays
    kill_before(far, 6, store)
    assert far.objects().keys() - before
    with open_at(on_machine("b")).lock():
        pass
    assert far.objects().keys() == before
