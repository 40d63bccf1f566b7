"""A writer killed at any moment leaves a workspace from which the next writer produces the same tables."""

import random
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from storage import Snapshot, Store
from tests.storage.synthetic import leftovers, noon
from tests.storage.writer_process import content, write_steps

LAST = 2
MOMENTS = 4
SEED = 20261121


def write(root: Path, kill: int, last: int = LAST) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "tests.storage.writer_process", "write", str(root), str(last), str(kill)]
    folder = Path(__file__).parents[3]
    return subprocess.Popen(arguments, cwd=folder, stdout=subprocess.PIPE, text=True)


@cache
def unbroken() -> tuple[int, list[int]]:
    """Return the number of file events of an unbroken run, and those that move a table's file."""
    with TemporaryDirectory() as folder:
        Store.create(Path(folder), buckets=2, clock=noon)
        with write(Path(folder), -1) as process:
            output, _ = process.communicate(timeout=60)
    count, *moves = (int(word) for word in output.split())
    return count, moves


def check(snapshot: Snapshot) -> None:
    """Compare all tables of a version with the content written by its step."""
    record = snapshot.stages.get("records")
    expected = content(int(record.extra)) if record else {name: rows.slice(0, 0) for name, rows in content(0).items()}
    assert {name: snapshot.table(name) for name in expected} == {
        name: rows.sort_by([(column, "ascending") for column in rows.column_names[:2]])
        for name, rows in expected.items()
    }


def check_recovered(root: Path) -> None:
    """Check that nothing is half done, finish the run, and check its result."""
    store = Store.open(root, clock=noon)
    check(store.snapshot())
    with store.lock():
        check(store.snapshot())
        assert leftovers(store) == []
    assert list(store.verify_objects()) == []
    write_steps(store, LAST)
    check(store.snapshot())
    payloads = {store.objects.read(sha) for sha in store.snapshot().table("objects", ["sha256"]).column(0).to_pylist()}
    assert payloads == {f"{kind} {step}".encode() for kind in ("page", "sound") for step in range(LAST + 1)}
    assert leftovers(store) == []


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_killed_at_moments_spread_over_its_file_events(tmp_path: Path, moment: int) -> None:
    count, _ = unbroken()
    generator = random.Random(SEED + moment)
    event = int(count * (moment + generator.random()) / MOMENTS)
    print(f"seed {SEED + moment}: killed at file event {event} of {count}")
    Store.create(tmp_path, buckets=2, clock=noon)
    with write(tmp_path, event) as process:
        assert process.wait(timeout=60) == -9
    check_recovered(tmp_path)


@pytest.mark.parametrize("which", [0, -1])
def test_killed_before_and_between_the_table_commits(tmp_path: Path, which: int) -> None:
    _, moves = unbroken()
    Store.create(tmp_path, buckets=2, clock=noon)
    with write(tmp_path, moves[which]) as process:
        assert process.wait(timeout=60) == -9
    heads = [path.parents[1].name for path in tmp_path.glob("tables/*/_delta_log/*.json")]
    assert (len(heads) > 0) == (which == -1)
    check_recovered(tmp_path)


def test_killed_at_a_moment_of_the_clock(tmp_path: Path) -> None:
    delay = random.Random(SEED).uniform(0.5, 1.5)
    print(f"seed {SEED}: killed after {delay:.3f} s")
    Store.create(tmp_path, buckets=2, clock=noon)
    with write(tmp_path, -1, 1000) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=delay)
        process.kill()
    store = Store.open(tmp_path, clock=noon)
    check(store.snapshot())
    with store.lock():
        check(store.snapshot())
        assert leftovers(store) == []


def test_readers_see_whole_versions_while_another_process_writes(tmp_path: Path) -> None:
    store = Store.create(tmp_path, buckets=2, clock=noon)
    seen: set[int] = set()
    deadline = time.monotonic() + 60
    with write(tmp_path, -1, 1000) as process:
        while len(seen) < 4 and time.monotonic() < deadline:
            snapshot = store.snapshot()
            seen.add(snapshot.number)
            check(snapshot)
        process.kill()
    assert len(seen) == 4
