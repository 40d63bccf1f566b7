"""One request: name resolution, refusals, and the bytes of the budget that a response holds."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from core.stage import utc_now
from crawler.media.fetch import Fetcher
from crawler.media.outcome import DownloadJob, FetchResult
from crawler.media.queue import DownloadRun
from crawler.media.session import MediaSession
from crawler.media.throttle import ByteBudget
from crawler.settings import DownloadSettings

Make = Callable[..., bytes]
Server = Any

SETTINGS = DownloadSettings(read_timeout_s=60, connect_timeout_s=60)


class Names(AbstractResolver):
    """A resolver that knows a few names and returns the answers for each in turn."""

    def __init__(self, **names: list[str]) -> None:
        self.names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answers = self.names.get(host.partition(".")[0])
        if not answers:
            raise OSError(None, "no such name")
        address = answers.pop(0)
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def fetch(*urls: str, local: set[str], names: Names | None = None) -> tuple[list[FetchResult], int]:
    """Fetch URLs one after the other in one session; return the results and the bytes held at the end."""

    async def ask() -> tuple[list[FetchResult], int]:
        budget = ByteBudget(1_000_000)
        run = DownloadRun(SETTINGS, "m5data-test", frozenset(local), resolver=names or Names())
        async with MediaSession(run) as session:
            fetcher = Fetcher(session, run, budget, utc_now)
            return [await fetcher.fetch(DownloadJob(url, "image")) for url in urls], 1_000_000 - budget.free

    return asyncio.run(ask())


def test_a_name_that_leads_nowhere_is_a_dns_fault() -> None:
    [answer], held = fetch("http://nowhere.example/a.jpg", local=set())
    assert (answer.reason, answer.status, held) == ("dns", None, 0)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254"])
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    [answer], _ = fetch("http://inside.example/a.jpg", local=set(), names=Names(inside=[address]))
    assert answer.reason == "private_address"
    assert answer.detail.startswith(f"{address}: the IP address is")


def test_a_local_source_may_be_named(server: Server, image: Make) -> None:
    server.content = {"/a": image("PNG")}
    place = f"shop.test:{server.server_port}"
    [answer], held = fetch(f"http://{place}/a", local={place}, names=Names(shop=["127.0.0.1"]))
    assert (answer.reason, answer.status, answer.mime, answer.body) == (None, 200, "image/png", image("PNG"))
    assert held == answer.held == len(image("PNG"))


def test_what_is_refused_holds_nothing(server: Server, image: Make) -> None:
    server.content = {"/page": b"<html>" * 500, "/cut": image("PNG")[:-40], "/large": bytes(30_000_000)}
    answers, held = fetch(*(server.url(path) for path in server.content), local={server.authority})
    assert [answer.reason for answer in answers] == ["wrong_type", "truncated", "too_large"]
    assert held == 0


def test_an_unasked_304_is_no_answer(server: Server) -> None:
    server.content = {"/a": 304}
    [answer], _ = fetch(server.url("/a"), local={server.authority})
    assert (answer.reason, answer.status, answer.not_modified) == ("http_status", 304, False)
