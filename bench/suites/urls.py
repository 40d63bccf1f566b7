"""Subject urls: links resolved, spellings of one page, and what a request asks for.

Kinds: ``resolve…``: a link of a page to the URL that is fetched, without its fragment; an empty query may be dropped.
``refuse…``: a URL that no browser accepts. ``query``: a link on a page in another encoding, to its query.
``same_page``: two spellings of one page; where robots.txt forbids the second, the first is not fetched either.
``wire``: the URL of an image, to the target of the request that a server receives.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench.suites.cases import Case, Result, judge, message, read_cases
from core.urls import absolute, normalise
from crawler.media.queue import DownloadRun
from crawler.media.session import MediaSession
from crawler.net.robots import Robots
from crawler.settings import DownloadSettings


def _page_url(link: str, base: str = "", encoding: str = "utf-8") -> str | None:
    """Return the URL that a link of a page leads to; None if it is refused."""
    return absolute(base, link, encoding)


def _is_allowed(robots_txt: str, url: str) -> bool:
    return Robots(robots_txt, "m5data").allows(url)


@asynccontextmanager
async def _downloader(host: str) -> AsyncIterator[MediaSession]:
    async with MediaSession(DownloadRun(DownloadSettings(), local_hosts=frozenset({host}))) as session:
        yield session


async def _download(session: MediaSession, page: str, link: str) -> None:
    """Request an image that a page names."""
    url = absolute(page, link)
    if url is not None:
        with await session.get(url, {}, asyncio.get_running_loop().time() + 10):
            pass


_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case; those of requests come last."""
    over_wire = []
    for case in read_cases(folder):
        if case["kind"] == "wire":
            over_wire.append(case)
            continue
        given = {name: case[name] for name in ("input", "base", "encoding") if name in case}
        yield judge(case["kind"], case, given, _judged, case)
    if over_wire:
        yield from asyncio.run(_over_wire(over_wire))


def _judged(case: Case) -> tuple[object, object, bool]:
    kind = case["kind"]
    if kind.startswith("resolve"):
        expected, got = _without_empty_query(case["url"]), _without_empty_query(_page_url(case["input"], case["base"]))
        return expected, got, got == expected
    if kind.startswith("refuse"):
        got = _page_url(case["input"], case["base"])
        return None, got, got is None
    if kind == "query":
        url = _page_url(f"https://shop.invalid/?{case['input']}", encoding=case["encoding"])
        query = url and url.partition("?")[2]
        return case["query"], query, query == case["query"]
    got = normalise(case["input"])
    return f"not fetched, as {case['same_as']}", got, got is None or not _is_allowed(_forbidding(case["same_as"]), got)


def _without_empty_query(url: str | None) -> str | None:
    return url[:-1] if url and url.endswith("?") else url


def _forbidding(url: str) -> str:
    """Return a robots.txt that forbids one URL."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"User-agent: *\nDisallow: {path}$\n"


async def _over_wire(cases: Sequence[Case]) -> list[Result]:
    """Request each target from a server of this process, and compare what it received."""
    received: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            received.append(line.decode("latin-1").split(" ")[1] if line.count(b" ") >= 2 else repr(line))
            while (await reader.readline()).strip():
                pass
            writer.write(_ANSWER)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = []
        async with _downloader(host) as session:
            for case in cases:
                received.clear()
                found.append(await _requested(case, session, f"http://{host}", received))
    return found


async def _requested(case: Case, session: MediaSession, site: str, received: Sequence[str]) -> Result:
    expected: str = case["target"]
    try:
        await _download(session, f"{site}/", f"{site}{expected}")
    except Exception as error:  # noqa: BLE001  whatever the product raises is its answer to this case
        got: str | None = message(error)
    else:
        got = received[0] if received else None
    return judge(case["kind"], case, expected, lambda: (expected, got, got == expected))
