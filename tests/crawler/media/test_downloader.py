"""Several download processes, each with its own hosts."""

from collections.abc import Callable
from typing import Any

import pytest

from crawler.download_stage import run
from crawler.media import downloader
from crawler.media.downloader import partition_hosts
from crawler.settings import DownloadSettings
from storage import Store

Make = Callable[..., bytes]
Server = Any
Want = Callable[..., None]


@pytest.mark.parametrize(
    ("hosts", "processes", "dealt"),
    [
        ([("a", 9_000)], 4, [("a",)]),
        ([("a", 5_000), ("b", 3_000), ("c", 2_000), ("d", 900)], 2, [("a", "d"), ("b", "c")]),
        ([("a", 5_000), ("b", 3_000)], 1, [("a", "b")]),
        ([("a", 2_000), ("b", 1_999)], 2, [("a", "b")]),
        ([], 2, [()]),
    ],
)
def test_hosts_are_dealt_out_whole(hosts: list[tuple[str, int]], processes: int, dealt: list[tuple[str, ...]]) -> None:
    assert partition_hosts(hosts, processes) == dealt


def test_two_processes_ask_for_every_url_once(
    store: Store, server: Server, other_server: Server, want: Want, image: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloader, "_WORTH", 1)
    for place, shade in ((server, 1), (other_server, 2)):
        place.content = {f"/{n}": image("PNG", (30 + n, 30 * shade)) for n in range(8)}
    server.content["/away"] = other_server.url("/0")
    other_server.content["/away"] = server.url("/0")
    urls = [place.url(path) for place in (server, other_server) for path in place.content]
    want(*(("s:1", "image", number, url) for number, url in enumerate(urls)))

    settings = DownloadSettings(processes=2, read_timeout_s=60, connect_timeout_s=60)
    report = run(store, settings, local_hosts={server.authority, other_server.authority})

    assert (report.read, report.kept, dict(report.dropped)) == (18, 18, {})
    media = store.snapshot().table("media", ["state", "sha256"])
    assert set(media.column("state").to_pylist()) == {"ok"}
    assert len(set(media.column("sha256").to_pylist())) == 16
    once = {f"/{n}": 1 for n in range(1, 8)}
    for place in (server, other_server):
        assert place.requests == {**once, "/0": 2, "/away": 2}
