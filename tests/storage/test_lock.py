"""One writer at a time, even after crashes; its children never outlive it."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from unittest.mock import Mock

import pytest

from core.errors import WorkspaceError
from storage import Store
from storage.files import Layout
from storage.lock import held_alone, wait_for_children
from tests.storage.conftest import has_ended
from tests.storage.synthetic import commit, ids, products


@contextmanager
def process(mode: str, root: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a writer process; yield it and its first line."""
    arguments = [sys.executable, "-m", "tests.storage.writer_process", mode, str(root)]
    folder = Path(__file__).parents[2]
    with subprocess.Popen(arguments, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            yield started, started.stdout.readline().strip()
        finally:
            started.kill()


def test_a_store_may_take_its_lock_again_also_in_another_thread(store: Store) -> None:
    taken: list[bool] = []

    def take() -> None:
        with store.lock():
            taken.append(True)

    with store.lock(), store.lock():
        thread = Thread(target=take)
        thread.start()
        thread.join(timeout=60)
    assert taken == [True]
    with Store.open(store.root).lock():
        pass


def test_another_store_of_the_same_process_is_refused(store: Store) -> None:
    with store.lock(), pytest.raises(WorkspaceError, match="another run"), Store.open(store.root).lock():
        pass
    with Store.open(store.root).lock():
        pass


def test_another_process_is_refused_and_named_until_it_dies(store: Store) -> None:
    with process("hold", store.root) as (holder, line):
        assert line == "held"
        with pytest.raises(WorkspaceError, match=rf"another run \(process {holder.pid}\) writes"), store.lock():
            pass
        assert store.snapshot().number == 0
        holder.kill()
        holder.wait(timeout=60)
        with store.lock():
            pass


def test_two_processes_that_contend_both_get_their_turn(store: Store) -> None:
    with store.lock(), process("hold", store.root) as (loser, line):
        assert (line, loser.wait(timeout=60)) == ("", 1)
    with process("hold", store.root) as (winner, line):
        assert line == "held"
        winner.communicate("\n", timeout=60)
        assert winner.returncode == 0


def test_a_child_dies_with_its_killed_parent_before_the_next_writer_starts(store: Store) -> None:
    with process("parent", store.root) as (parent, line):
        parent.kill()
        parent.wait(timeout=60)
        with store.lock():
            assert has_ended(int(line))


def test_children_that_do_not_end_are_an_error_within_a_deadline(store: Store) -> None:
    layout = Layout(store.root)
    with layout.children_lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(WorkspaceError, match=r"still live after 0.05 s\. End them"):
            wait_for_children(layout, seconds=0.05)
    wait_for_children(layout, seconds=0.05)


def test_a_folder_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    first, second = (held_alone(tmp_path / "run", "train: recipe tiny") for _ in range(2))
    with first, pytest.raises(WorkspaceError, match="train: recipe tiny: another process works in"), second:
        pass
    with held_alone(tmp_path / "run", "train: recipe tiny"):
        pass


def test_a_clock_that_was_set_back_hinders_nobody(store: Store) -> None:
    commit(store, {"products": products(ids(1))}, settings="1")
    earlier = Store.open(store.root, clock=lambda: datetime(1999, 1, 1, tzinfo=UTC))
    commit(earlier, {"products": products(ids(2))}, settings="2")
    assert [version.number for version in earlier.versions()] == [2, 1]
    assert Store.open(store.root).snapshot().table("products").num_rows == 2


@pytest.mark.parametrize("error", [None, OSError(errno.ENOLCK, "No locks available")])
def test_a_disk_that_keeps_no_locks_is_refused_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: OSError | None
) -> None:
    monkeypatch.setattr("fcntl.flock", Mock(side_effect=error))
    with pytest.raises(WorkspaceError, match="this disk does not keep locks"), store.lock():
        pass


def test_shared_disk_is_refused_to_a_second_machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-in for NFS: both machines see the lock file, but only one sees the lock."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    monkeypatch.setattr("storage.lock._SHARED", {line.split()[2] for line in mounts})
    first, second = Store.open(store.root), Store.open(store.root)
    lock = store.root / "lock"
    with first.lock():
        shared = lock.read_bytes()
    assert lock.read_bytes() == b""
    lock.write_bytes(shared)
    monkeypatch.setattr("storage.lock.gethostname", lambda: "second")
    with pytest.raises(WorkspaceError, match=rf"process {os.getpid()} on .* or was killed\. If it runs no more"):
        second.lock().__enter__()
    assert lock.read_bytes() == shared
    lock.unlink()
    with second.lock():
        assert lock.read_text() == f"{os.getpid()} second\n"
