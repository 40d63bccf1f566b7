import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from core.errors import DataError
from core.processes.message import Fault, Message
from core.processes.pool import ChildPool, Job, PoolLimits
from tests.core.processes.misbehaving_handlers import misbehave

LIMITS = PoolLimits(seconds=60, memory_bytes=256 << 20, input_bytes=1 << 20, output_bytes=1 << 20)
ECHO = Message({}, (b"abc", b"cba"))


def run(kinds: Sequence[str], processes: int = 1) -> dict[str, Message | Fault]:
    """Run one job of each kind, then an echo; return the answers to the former by key."""
    jobs = [Job(f"{number}:{kind}", kind, b"abc") for number, kind in enumerate([*kinds, "echo"])]
    with ChildPool(misbehave, processes, LIMITS) as pool:
        answers = {job.key: answer for job, answer in pool.run(iter(jobs))}
    assert set(answers) == {job.key for job in jobs}
    last = answers.pop(jobs[-1].key)
    assert isinstance(last, Message)
    assert last.bodies == ECHO.bodies
    return answers


@pytest.mark.parametrize(
    ("kind", "reason", "detail"),
    [
        ("abort", "crashed", "its process ended with SIGABRT"),
        ("exit", "crashed", "its process ended with exit code 3"),
        ("much", "output_limit", "the results take more than 1048576 bytes"),
        ("nonsense", "crashed", "its process's reply is invalid"),
    ],
)
def test_what_a_process_does_costs_its_own_job_only(kind: str, reason: str, detail: str) -> None:
    assert run(["echo", kind])[f"1:{kind}"] == Fault(reason, detail)


def test_a_hanging_process_is_ended_and_its_job_named() -> None:
    limits = PoolLimits(seconds=0.3, memory_bytes=256 << 20, input_bytes=1 << 20, output_bytes=1 << 20)
    with ChildPool(misbehave, 1, limits) as pool:
        ((_, answer),) = pool.run(iter([Job("a", "hang", b"")]))
        assert answer == Fault("timeout", "no result within 0.3 s")
        pool._limits = LIMITS
        ((_, answer),) = pool.run(iter([Job("b", "echo", b"abc")]))
    assert isinstance(answer, Message)
    assert answer.bodies == ECHO.bodies


def test_memory_is_limited_and_the_process_lives_on() -> None:
    answers = run(["echo", "memory"])
    assert answers["1:memory"] == Message({"fault": "memory", "detail": "its process ran out of memory"})


def test_files_a_process_writes_are_limited(tmp_path: Path) -> None:
    target = tmp_path / "written"
    with ChildPool(misbehave, 1, LIMITS) as pool:
        ((_, answer),) = pool.run(iter([Job("write", "write", str(target).encode())]))
    assert isinstance(answer, Fault)
    assert answer.reason == "crashed"
    assert target.stat().st_size <= LIMITS.output_bytes


def test_every_process_works_on_one_thread() -> None:
    answer = run(["threads"])["0:threads"]
    assert isinstance(answer, Message)
    assert set(answer.head.values()) == {"1"}


def test_processes_share_the_work() -> None:
    answers = run(["echo"] * 12, processes=2)
    pids = {answer.head["pid"] for answer in answers.values() if isinstance(answer, Message)}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids


def test_a_process_that_ended_while_idle_is_replaced() -> None:
    job = Job("a", "echo", b"abc")
    with ChildPool(misbehave, 1, LIMITS) as pool:
        ((_, first),) = pool.run(iter([job]))
        assert isinstance(first, Message)
        os.kill(int(str(first.head["pid"])), signal.SIGKILL)
        pool._idle[0]._process.wait(timeout=60)
        ((_, second),) = pool.run(iter([job]))
    assert isinstance(second, Message)
    assert (second.bodies, second.head["pid"] == first.head["pid"]) == (ECHO.bodies, False)


def test_no_process_is_left_behind_when_the_block_ends_early() -> None:
    before = set(psutil.Process().children(recursive=True))
    with ChildPool(misbehave, 2, LIMITS) as pool:
        answers = pool.run(iter([Job("a", "echo", b""), Job("b", "hang", b""), Job("c", "echo", b"")]))
        next(answers)
        children = set(psutil.Process().children(recursive=True)) - before
        processes = [child for child in children if "core.processes.pool_child" in " ".join(child.cmdline())]
    assert len(processes) == 2
    assert psutil.wait_procs(processes, timeout=60)[1] == []


def test_handler_that_cannot_be_loaded_is_no_fault_of_the_job(capfd: pytest.CaptureFixture[str]) -> None:
    broken = ChildPool(misbehave, 1, LIMITS)
    broken._handler = b"no pickle"
    with broken as pool, pytest.raises(DataError, match="a child process did not start: exit code 1"):
        list(pool.run(iter([Job("a", "echo", b"")])))
    assert "UnpicklingError" in capfd.readouterr().err


_PARENT = """
import os, signal
from core.processes.pool import ChildPool, Job
from tests.core.processes.misbehaving_handlers import misbehave
from tests.core.processes.test_pool import LIMITS
if __name__ == "__main__":
    with ChildPool(misbehave, 1, LIMITS) as pool:
        _, answer = next(pool.run(iter([Job("a", "echo", b""), Job("b", "hang", b"")])))
        print(answer.head["pid"], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    pid = int(done.stdout)
    try:
        psutil.Process(pid).wait(timeout=60)
    except psutil.NoSuchProcess:
        return
    assert not psutil.pid_exists(pid)
