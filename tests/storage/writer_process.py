"""A writer in a separate process, to be killed: ``python -m tests.storage.writer_process MODE ROOT …``.

write ROOT LAST KILL  run the missing steps up to LAST; SIGKILL itself at file event KILL (-1: never),
                      and at the end print the number of events, and which of them moved a table's file
hold ROOT             take the lock, print ``held``, wait for a line
objects ROOT FIRST    store the numbers FIRST to FIRST + 99 as derived objects
parent ROOT           start a child that enters the workspace, print its process id, wait for a line
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from core.records import Reject
from core.stage import StageReport
from storage import Objects, Store, enter_child
from tests.storage.synthetic import ids, noon, products, spec, table

_EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.truncate", "os.rmdir", "sqlite3.connect"}


def content(step: int) -> dict[str, pa.Table]:
    """Return the synthetic tables of a step; some partitions stay equal from one step to the next."""
    names = ids(6 + 2 * (step // 2))
    return {
        "products": products(names),
        "specs": table("specs", [spec(name, 0, f"step {step}") for name in names[: 3 + step]]),
        "rejects": table(
            "rejects", [{"stage": "records", "item": str(step), "reason": "bad_url", "detail": ""}] * step
        ),
    }


def write_steps(store: Store, last: int) -> None:
    """Commit every uncommitted step up to ``last``."""
    done = store.snapshot().stages.get("records")
    for step in range(int(done.extra) + 1 if done else 0, last + 1):
        tables = content(step)
        with store.stage("records", settings="s", extra=str(step)) as stage:
            for name in ("products", "specs"):
                stage.write(name, tables[name])
            stage.reject([Reject(str(step), "bad_url")] * step)
            stage.spool.put("1", str(step), tables)
            with store.objects.writer("page") as pages, store.objects.writer("derived") as derived:
                pages.put(f"page {step}".encode(), mime="text/html", url="http://shop.example/")
                derived.put(f"sound {step}".encode(), mime="audio/mpeg")
            stage.commit(StageReport("records", step, 0, {"bad_url": step} if step else {}))


def kill_at(event: int) -> Callable[[], str]:
    """Count file events and die at the given one; return a function that reports the count and the table moves."""
    count = 0
    moves: list[str] = []

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if name in _EVENTS:
            if name == "os.rename" and "/tables/" in str(arguments[1]):
                moves.append(str(count))
            if count == event:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

    sys.addaudithook(hook)
    return lambda: " ".join([str(count), *moves])


def stay(root: Path, pid: "multiprocessing.Queue[int]") -> None:
    """Run forever as a child of the workspace's writer."""
    enter_child(root)
    pid.put(os.getpid())
    multiprocessing.Event().wait()


def hold(root: Path) -> None:
    """Hold the lock until a line arrives."""
    with Store.open(root).lock():
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.readline()


def start_child(root: Path) -> None:
    """Start a child under the lock, and wait for a line."""
    context = multiprocessing.get_context("spawn")
    with Store.open(root).lock():
        pid = context.Queue()
        context.Process(target=stay, args=(root, pid)).start()
        sys.stdout.write(f"{pid.get()}\n")
        sys.stdout.flush()
        sys.stdin.readline()


def store_numbers(root: Path, first: int) -> None:
    """Store a hundred small objects, a few at a time."""
    with Objects(root).writer("derived") as writer:
        for number in range(first, first + 100):
            writer.put(str(number).encode(), mime="text/plain")
            if number % 10 == 0:
                writer.flush()


def main() -> None:
    """Run the mode given on the command line."""
    mode, root = sys.argv[1], Path(sys.argv[2])
    if mode == "hold":
        hold(root)
    elif mode == "parent":
        start_child(root)
    elif mode == "objects":
        store_numbers(root, int(sys.argv[3]))
    else:
        store = Store.open(root, clock=noon)
        events = kill_at(int(sys.argv[4]))
        write_steps(store, int(sys.argv[3]))
        sys.stdout.write(events())


if __name__ == "__main__":
    main()
