"""Child processes report, have deadlines, and end with their parent."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from core.processes.children import Child, ProgramError, run_children, run_program
from tests.storage.conftest import has_ended

_SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def count_to(number: int, pipe: "Connection[int, int]") -> None:
    for step in range(number):
        pipe.send(step)


def fail(pipe: "Connection[int, int]") -> None:
    pipe.send(7)
    raise SystemExit(3)


def sleep_with_program(pipe: "Connection[int, int]") -> None:
    with subprocess.Popen(_SLEEP) as program:
        pipe.send(program.pid)


def parent_of_sleeper(pipe: "Connection[int, int]") -> None:
    with Child(sleep_with_program, name="sleeper", group=True) as child:
        for message in child.messages():
            pipe.send(message)


def started(target: Callable[..., None], *arguments: object, name: str, group: bool = False) -> Child:
    """Return a child that has sent its first message, so that a slow start does not count as silence."""
    child = Child(target, *arguments, name=name, group=group)
    child.pipe.poll(60)
    return child


def ended(target: Callable[..., None], *arguments: object, name: str) -> Child:
    """Return a child that has ended; all its messages wait in its pipe."""
    child = Child(target, *arguments, name=name)
    child.join(60)
    return child


def is_gone(process: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if has_ended(process):
            return True
        time.sleep(0.02)
    return False


def test_messages_come_in_order_and_end_with_the_child() -> None:
    with Child(count_to, 3, name="count") as child:
        assert list(child.messages(silent_s=60)) == [0, 1, 2]
        assert child.join(60) == 0


def test_a_silent_child_is_noticed_and_ended_with_what_it_started() -> None:
    with started(sleep_with_program, name="sleeper", group=True) as child:
        messages = child.messages(silent_s=1)
        program = next(messages)
        with pytest.raises(TimeoutError, match="sleeper: no message for 1 s"):
            next(messages)
    assert is_gone(program)


def test_a_killed_parent_takes_its_children_and_their_programs_along() -> None:
    with Child(parent_of_sleeper, name="parent") as child:
        program = next(child.messages(silent_s=60))
        child.end()
    assert is_gone(program)


def test_children_side_by_side_name_those_that_failed() -> None:
    heard: list[int] = []
    starts = [
        partial(ended, count_to, 2, name="two"),
        partial(ended, fail, name="failing"),
        partial(started, sleep_with_program, name="silent", group=True),
    ]
    failed = run_children(starts, heard.append, at_once=2, silent_s=3)
    assert sorted(failed) == ["failing", "silent"]
    assert sorted(heard)[:3] == [0, 1, 7]
    assert is_gone(max(heard))


def test_a_program_gets_its_input_and_returns_its_output() -> None:
    command = [sys.executable, "-c", "import os,sys; print(os.environ['WORD'] + sys.stdin.read(), end='')"]
    assert run_program(command, data=b"b", environment={"WORD": "a"}) == b"ab"


def test_a_failed_program_shows_the_end_of_its_errors() -> None:
    command = [sys.executable, "-c", "import sys; sys.stderr.write('x' * 9000 + 'the reason'); sys.exit(4)"]
    with pytest.raises(ProgramError, match=r"ended with 4: x+the reason$") as caught:
        run_program(command)
    assert caught.value.returncode == 4
    assert len(str(caught.value)) < 3000


def test_a_program_that_misses_its_deadline_is_killed_with_what_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = (
        f"import subprocess,sys; p = subprocess.Popen({_SLEEP!r}); open({str(note)!r}, 'w').write(str(p.pid)); p.wait()"
    )
    for seconds in (2, 60):  # a busy machine may need longer to start the two programs
        with pytest.raises(ProgramError, match=rf"killed after {seconds} s\.$") as caught:
            run_program([sys.executable, "-c", script], seconds=seconds)
        assert caught.value.returncode is None
        if note.exists() and note.read_text():
            break
    assert is_gone(int(note.read_text()))


def test_a_program_that_does_not_exist() -> None:
    with pytest.raises(ProgramError, match=r"^no-such-program: cannot be started: No such file"):
        run_program(["no-such-program"])
