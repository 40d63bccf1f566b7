"""Stopped from outside, the program with Prefect's server ends, leaves no process behind, and can be resumed."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.pipeline.conftest import MakeWorkspace
from tests.pipeline.killing import run_to_the_end
from tests.pipeline.workspace_content import check_equal

PROGRAM = Path(sys.executable).parent / "m5data"
DEADLINE_S = 240.0
SHUTDOWN_S = 60.0


@contextmanager
def program(workspace: Path) -> Iterator[subprocess.Popen[str]]:
    """Run ``m5data run`` as a person does; kill it after the block."""
    words = [str(PROGRAM), "run", "-w", str(workspace)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            yield run
        finally:
            run.kill()


def _stop(workspace: Path, number: signal.Signals, table: str) -> tuple[int, str]:
    """Send a signal once a table exists; return the exit code and the last line on standard error."""
    with program(workspace) as run:
        watcher = threading.Thread(target=_when, args=(workspace / "tables" / table, run, number))
        watcher.start()
        _, errors = run.communicate(timeout=DEADLINE_S)
        watcher.join()
    return run.returncode, (errors.splitlines() or [""])[-1]


def _when(table: Path, run: subprocess.Popen[str], number: signal.Signals) -> None:
    while run.poll() is None and not table.exists():
        pass
    family = psutil.Process(run.pid).children(recursive=True) if run.poll() is None else []
    run.send_signal(number)
    _, alive = psutil.wait_procs(family, timeout=SHUTDOWN_S)
    run.wait(SHUTDOWN_S)
    if alive:
        raise AssertionError(f"still alive {SHUTDOWN_S} s after {number.name}: {alive}")


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_stopped_three_times_and_run_again(make_workspace: MakeWorkspace) -> None:
    reference, folder = make_workspace("reference"), make_workspace("stopped")
    run_to_the_end(reference)
    assert _stop(folder, signal.SIGINT, "products") == (
        130,
        "m5data: interrupted; finished work is kept: run it again to continue",
    )
    assert _stop(folder, signal.SIGTERM, "frames")[0] == -signal.SIGTERM
    assert _stop(folder, signal.SIGKILL, "splits")[0] == -signal.SIGKILL
    with program(folder) as run:
        _, errors = run.communicate(timeout=DEADLINE_S)
    assert run.returncode == 0, errors
    check_equal(reference, folder)
