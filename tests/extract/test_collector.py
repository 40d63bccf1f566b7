"""Partitions extracted by tasks, as on other machines, from a workspace in an object store."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.stage import StageReport
from extract.collector import items_of_a_task
from extract.extract_stage import run
from extract.settings import ExtractSettings
from storage import Store
from storage.lease import LEASE
from storage.orphans import find_orphans, remove_orphans
from storage.tasks import TaskFunction, in_process
from tests.extract.test_extract_stage import SHOP, contents, counted, download
from tests.storage.failing_store import FailingStore, Killed
from tests.storage.machines import far, make, on_machine, open_at  # noqa: F401 - fixtures
from tests.storage.synthetic import NOON

SETTINGS = ExtractSettings(partition_items=2)
OnMachine = Callable[[str], Path]
Results = Iterator[tuple[str, Any]]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a workspace in a folder, extracted by the process pool."""
    store = Store.create(tmp_path_factory.mktemp("pool") / "shop", buckets=2)
    download(store, SHOP)
    run(store, ExtractSettings(workers=1))
    return store


def stored(far: type[FailingStore], folder: str) -> list[str]:  # noqa: F811 - value of the fixture
    return [name for name in far.objects() if name.startswith(f"bucket/shop/{folder}/")]


def objects_of(store: Store) -> set[str]:
    return set(store.snapshot().table("objects", ["sha256"])["sha256"].to_pylist())


def check(store: Store, reference: Store) -> None:
    assert contents(store) == contents(reference)
    assert objects_of(store) == objects_of(reference)
    assert list(store.verify_objects()) == []
    store.objects.close()


def test_tasks_at_an_object_store_give_what_the_pool_gives(
    far: type[FailingStore],  # noqa: F811
    on_machine: OnMachine,  # noqa: F811
    reference: Store,
) -> None:
    store = make(on_machine("driver"))
    download(store, SHOP)
    places: list[str] = []

    def noted(function: TaskFunction, location: str, names: Iterable[str | None]) -> Results:
        places.append(location)
        yield from in_process(function, location, names)

    report = run(store, SETTINGS, runner=noted)
    assert places == ["failing://bucket/shop"]
    assert counted(report) == counted(reference.snapshot().stages["extract"].report)
    assert not list((store.root / "objects").glob("derived-*"))  # objects that a task wrote are fetched only when read
    assert stored(far, "spool") == []
    check(open_at(on_machine("reader")), reference)
    assert len(stored(far, "objects")) == len(store.objects.index.segments())


def test_results_whose_objects_were_removed_are_made_again(
    far: type[FailingStore],  # noqa: F811
    on_machine: OnMachine,  # noqa: F811
    reference: Store,
) -> None:
    store = make(on_machine("driver"))
    download(store, SHOP)

    def stopped(function: TaskFunction, location: str, names: Iterable[str | None]) -> Results:
        for name in filter(None, names):
            yield name, function(location, name)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(store, SETTINGS, runner=stopped)
    index = store.objects.index
    made = [ref for refs in index.after(0, index.last()) for ref in refs if ref.kind == "derived"]
    assert made
    with store.lock():
        assert find_orphans(store.root, store.objects, [store.snapshot()]) == ()  # a later run uses them
        remove_orphans(store.root, store.objects, made, NOON)
    run(store, SETTINGS, runner=in_process)
    check(open_at(on_machine("reader")), reference)


def test_finished_tasks_survive_a_kill_of_the_driver(
    far: type[FailingStore],  # noqa: F811
    on_machine: OnMachine,  # noqa: F811
    reference: Store,
) -> None:
    store = make(on_machine("first"))
    download(store, SHOP)
    done: list[str] = []

    def two_alone(function: TaskFunction, location: str, names: Iterable[str | None]) -> Results:
        for name in filter(None, names):
            if len(done) == 2:
                function(location, name)  # finished, but the driver never receives the result
                raise KeyboardInterrupt
            done.append(name)
            yield name, function(location, name)

    with pytest.raises(KeyboardInterrupt):
        run(store, SETTINGS, runner=two_alone)
    store.objects.close()
    other = open_at(on_machine("second"))
    again: list[str] = []

    def noted(function: TaskFunction, location: str, names: Iterable[str | None]) -> Results:
        for name, result in in_process(function, location, names):
            again.append(name)
            yield name, result

    run(other, SETTINGS, runner=noted)
    assert not set(again) & set(done)
    check(other, reference)
    check(open_at(on_machine("reader")), reference)
    with other.lock():
        pass
    assert len(stored(far, "objects")) == len(other.objects.index.segments())


@pytest.mark.parametrize("machine", ["first", "second"])
def test_what_tasks_finished_outlives_the_commits_of_other_stages(
    far: type[FailingStore],  # noqa: F811
    on_machine: OnMachine,  # noqa: F811
    reference: Store,
    machine: str,
) -> None:
    store = make(on_machine("first"))
    download(store, SHOP)
    done: list[str] = []

    def noted(function: TaskFunction, location: str, names: Iterable[str | None]) -> Results:
        for name, result in in_process(function, location, names):
            done.append(name)
            if len(done) == 2:
                far.budget = far.writes
                raise Killed
            yield name, result

    assert far.killed_before(1_000, lambda: run(store, SETTINGS, runner=noted))
    store.objects.close()
    far.remove(f"bucket/shop/{LEASE}")
    next_run = open_at(on_machine(machine))
    with next_run.lock():
        with next_run.stage("records", settings="other") as stage:
            stage.commit(StageReport("records", 0, 0))
        run(next_run, SETTINGS, runner=noted)
    assert len(done) == len(set(done))
    assert len(stored(far, "objects")) == len(next_run.objects.index.segments())
    check(open_at(on_machine("reader")), reference)


def test_a_task_takes_hundreds_of_objects_where_there_are_many() -> None:
    given = {100: 64, 6_399: 99, 20_000: 312, 1_000_000: 512}
    assert {total: items_of_a_task(total, 64) for total in given} == given
    assert items_of_a_task(1_000_000, 2_000) == 2_000
