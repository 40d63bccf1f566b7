"""Tasks return each result once and raise their errors; dead processes are named, adjacent objects read together."""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import DataError
from core.stage import StageReport
from storage import Store
from storage.location import FolderLocation
from storage.tasks import in_processes, order, running, take_result


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


@pytest.mark.parametrize(("asked", "reads"), [([0, 1, 2, 3], 1), ([3, 2, 1, 0], 4), ([0, 2, 3], 1), ([1, 3], 2)])
def test_objects_that_follow_one_another_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Sequence[int], reads: int
) -> None:
    payloads = [b"", b"one", bytes(70_000), b"three"]
    store = Store.create(tmp_path / "workspace")
    with store.stage("fill", settings="") as stage:
        with store.objects.writer("media") as writer:
            hashes = [writer.put(data, mime="image/jpeg", url=f"http://127.0.0.1/{data[:1]!r}") for data in payloads]
        refs = [store.objects.index.find(hashes[number]) for number in asked]
        name = order(stage.spool, "some", "1", pa.table({"number": asked}), refs)
    counted = []
    read_range = FolderLocation.read_range

    def count(place: FolderLocation, path: str, offset: int, length: int) -> bytes | None:
        counted.append(path)
        return read_range(place, path, offset, length)

    monkeypatch.setattr(FolderLocation, "read_range", count)
    with running(str(store.root), name) as task:
        assert [task.read(hashes[number]) for number in asked] == [payloads[number] for number in asked]
    assert len([path for path in counted if path.startswith("objects/")]) == reads


def test_a_full_segment_leaves_the_scratch_of_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.tasks._SEGMENT_BYTES", 100_000)
    store = Store.create(tmp_path / "workspace")
    payloads = [bytes([number]) * 60_000 for number in range(6)]
    with store.stage("fill", settings="") as stage:
        name = order(stage.spool, "some", "1", pa.table({"number": [0]}), ())
        with running(str(store.root), name, "media") as task:
            for payload in payloads:
                task.objects.put(payload, mime="image/jpeg")
                task.objects.flush()
            assert sum(path.stat().st_size for path in task.scratch.iterdir()) < 250_000
        place = FolderLocation(store.root)
        tables = take_result(stage.spool, place, store.objects.index, "some", "1")
        assert tables == {}
        stage.commit(StageReport("fill", 1, 1))
    rows = store.snapshot().table("objects").to_pylist()
    assert {store.objects.read(row["sha256"]) for row in rows} == set(payloads)
    assert len({row["segment"] for row in rows}) == 3
