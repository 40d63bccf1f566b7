"""Downloads as tasks, run one after the other in this process."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.stage import StageReport
from crawler.download_stage import run
from crawler.media import chunks
from storage import Store
from storage.tasks import Runner, TaskFunction, in_process
from tests.crawler.media.test_download_stage import FAST

Make = Callable[..., bytes]
Server = Any
Want = Callable[..., None]


@pytest.fixture
def shop(server: Server, other_server: Server, want: Want, image: Make) -> list[Server]:
    """Two hosts, each with ten images, a missing one, and two redirects to the other host."""
    hosts = [server, other_server]
    for number, (here, there) in enumerate((hosts, hosts[::-1])):
        here.content = {f"/{n}": image("PNG", (30 + n, 30 + number)) for n in range(10)}
        here.content |= {"/gone": 404, "/away/1": there.url("/1"), "/away/2": there.url("/2")}
    urls = [host.url(path) for host in hosts for path in host.content]
    want(*(("s:1", "image", number, url) for number, url in enumerate(urls)))
    return hosts


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_URLS", 4)


def download(store: Store, hosts: list[Server], runner: Runner | None, *, refresh: bool = False) -> StageReport:
    local = {host.authority for host in hosts}
    return run(store, FAST.model_copy(update={"host_failures": 3}), local_hosts=local, runner=runner, refresh=refresh)


def rows(store: Store) -> list[dict[str, object]]:
    return list(store.snapshot().table("media").to_pylist())


def test_chunks_of_a_host_are_in_turn_and_its_redirects_last(store: Store, shop: list[Server]) -> None:
    under_way: list[int] = []

    def watched(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
        """Take all available tasks before running any."""
        upcoming, waiting = iter(names), list[str]()
        while True:
            while (name := next(upcoming, None)) is not None:
                waiting.append(name)
            under_way.append(len(waiting))
            if not waiting:
                return
            yield (first := waiting.pop(0)), function(location, first)

    report = download(store, shop, watched)
    assert (report.read, report.kept, dict(report.dropped)) == (26, 24, {"http_404": 2})
    assert max(under_way) == 2
    for host in shop:
        assert host.requests == dict.fromkeys([f"/{n}" for n in (0, *range(3, 10))], 1) | {
            "/gone": 1, "/1": 2, "/2": 2, "/away/1": 2, "/away/2": 2,
        }  # fmt: skip


def test_the_tables_are_those_of_one_machine(store: Store, shop: list[Server], tmp_path: Path) -> None:
    alone = Store.open(shutil.copytree(store.root, tmp_path / "alone"))
    download(store, shop, in_process)
    download(alone, shop, None)
    assert rows(store) == rows(alone)
    assert store.snapshot().table("rejects") == alone.snapshot().table("rejects")


def test_a_host_that_is_down_is_given_up_with_all_its_urls(store: Store, server: Server, want: Want) -> None:
    server.content = {f"/{n}": 0 for n in range(20)}
    want(*(("s:1", "image", n, server.url(f"/{n}")) for n in range(20)))
    report = download(store, [server], in_process)
    assert (report.read, report.kept, report.dropped["host_down"]) == (20, 0, 16)
    assert len(server.requests) == 4


def test_what_a_killed_run_finished_is_not_asked_for_again(store: Store, shop: list[Server]) -> None:
    class _KilledError(Exception):
        pass

    def killed(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
        ended = in_process(function, location, names)
        yield next(ended)
        next(ended)  # done, but its result is not collected
        raise _KilledError

    with pytest.raises(_KilledError):
        download(store, shop, killed)
    asked = sum(host.requests.total() for host in shop)
    assert asked == 8
    report = download(store, shop, in_process)
    assert (report.read, report.kept) == (26, 24)
    assert {host.requests[f"/{n}"] for host in shop for n in (0, *range(3, 10))} == {1}
    assert [*store.verify_objects()] == []


def test_stored_files_are_requested_again_on_condition(store: Store, shop: list[Server]) -> None:
    download(store, shop, in_process)
    before = [row["sha256"] for row in rows(store)]
    report = download(store, shop, in_process, refresh=True)
    assert (report.read, report.kept) == (26, 24)
    assert [row["sha256"] for row in rows(store)] == before
    assert {row["http_status"] for row in rows(store)} == {304, 404}
    assert shop[0].requests["/0"] == 2
