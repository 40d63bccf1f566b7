"""Tasks side by side: every result comes once, an error is that of the task, and a dead process is named."""

import os

import pytest

from m5data.errors import DataError
from storage.tasks import in_processes


def pid_and(location: str, name: str) -> tuple[int, str]:
    if name == "fails":
        raise LookupError(location)
    if name == "dies":
        os._exit(3)
    return os.getpid(), f"{location}/{name}"


def test_long_tasks_run_in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.tasks._WORTH_PROCESSES_S", -1.0)
    names = [str(number) for number in range(5)]
    found = dict(in_processes(pid_and, "here", names))
    assert {name: result[1] for name, result in found.items()} == {name: f"here/{name}" for name in names}
    assert found["0"][0] == os.getpid()
    assert os.getpid() not in {result[0] for name, result in found.items() if name != "0"}
    with pytest.raises(LookupError, match="here"):
        list(in_processes(pid_and, "here", ["0", "fails"]))
    with pytest.raises(DataError, match="a process that worked on a task ended"):
        list(in_processes(pid_and, "here", ["0", "dies"]))


def test_short_tasks_stay_in_this_process() -> None:
    assert {result[0] for _, result in in_processes(pid_and, "here", ["0", "1", "2"])} == {os.getpid()}
