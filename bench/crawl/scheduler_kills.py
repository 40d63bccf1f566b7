"""Scrapy crawls that are killed many times: with DurableScheduler, compared with Scrapy's own JOBDIR.

python -m bench.crawl.scheduler_kills [--pages 5000] [--kills 100]

Target: with DurableScheduler, each page is fetched once, except those in flight at a kill; no page is missing. The
spider has ten lines, the site is on this machine, and no other part of m5data runs. The server kills the crawl with
SIGKILL once it has answered a random number of requests, so the same seed kills at the same requests; each crawl is a
fork of a process that has imported Scrapy, which makes a kill cheap. A crawl that ends by itself is not restarted.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess

__all__ = ["Outcome", "crawl_with_kills"]

_LINKS = 5
_LIMIT_S = 120
"""Seconds after which one run of the crawl counts as stuck."""
DOWNLOADS = 16
IN_FLIGHT = 2 * DOWNLOADS
"""Maximum requests in progress: those being downloaded, and as many whose callbacks have not ended."""
BATCH = 16

SCHEDULERS: dict[str, dict[str, object]] = {
    "DurableScheduler": {
        "SCHEDULER": "crawler.crawl.durable_scheduler.DurableScheduler", "DURABLE_DIR": "{state}",
        "DURABLE_BATCH": BATCH,
    },
    "JOBDIR": {"JOBDIR": "{state}"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one crawl."""

    kills: int
    fetched: int
    """Pages fetched at least once."""
    again: int
    """Repeated requests for pages."""
    cpu_s: float
    """CPU seconds of all its processes."""


class _Site:
    """A site whose pages link to five further ones and back; counts requests and kills the crawl."""

    def __init__(self, pages: int, control: Connection) -> None:
        self._pages = pages
        self._control = control
        self._asked: Counter[int] = Counter()
        self._left, self._victim = -1, 0

    async def serve(self) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._control.send(server.sockets[0].getsockname()[1])
        asyncio.get_running_loop().add_reader(self._control.fileno(), self._ordered)
        async with server:
            await server.serve_forever()

    def _ordered(self) -> None:
        """Handle an order: a process to kill and after how many requests, or None to report the counts."""
        order = self._control.recv()
        if order is None:
            self._control.send(dict(self._asked))
        else:
            self._victim, self._left = order
            self._control.send(None)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                path = line.split()[1].decode()
                writer.write(self._page(path))
                await writer.drain()
                self._left -= 1
                if self._left == 0:
                    os.kill(self._victim, signal.SIGKILL)
        except (ConnectionError, OSError):
            pass
        finally:
            writer.close()

    def _page(self, path: str) -> bytes:
        number = int(path[1:]) if path[1:].isdigit() else 0
        self._asked[number] += 1
        linked = [one for one in range(number * _LINKS + 1, number * _LINKS + _LINKS + 1) if one < self._pages]
        body = "".join(f'<a href="/{one}">{one}</a>' for one in [number // 2, *linked]).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _serve(pages: int, control: Connection) -> None:
    asyncio.run(_Site(pages, control).serve())


@contextmanager
def _open_site(pages: int) -> Iterator[tuple[int, Connection]]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(pages, there), daemon=True)
    process.start()
    try:
        yield here.recv(), here
    finally:
        process.kill()
        process.join()


class _Spider(scrapy.Spider):
    name = "pages"

    async def start(self) -> Any:  # noqa: ANN401 - Scrapy's own signature
        yield scrapy.Request(f"http://127.0.0.1:{self.settings.getint('PORT')}/0", dont_filter=True)

    def parse(self, response: Any) -> Any:  # noqa: ANN401 - likewise
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link)


def _run(settings: dict[str, object]) -> None:
    """Crawl in this forked process, and exit without the parent's cleanup."""
    process = CrawlerProcess(settings)
    crawler = process.create_crawler(_Spider)
    process.crawl(crawler)
    process.start(install_signal_handlers=False)
    os._exit(0 if crawler.stats.get_value("finish_reason") == "finished" else 1)


def crawl_with_kills(scheduler: str, pages: int, kills: int, seed: int = 7) -> Outcome:
    """Crawl a site to its end, with each kill after about 20 to 80 requests for 5,000 pages and 100 kills.

    Raises:
        RuntimeError: A run of the crawl failed or got stuck.
    """
    random, before = Random(seed), _cpu_s()
    with _open_site(pages) as (port, control), TemporaryDirectory() as folder:
        settings = {
            **{name: str(value).format(state=f"{folder}/state") for name, value in SCHEDULERS[scheduler].items()},
            "PORT": port, "LOG_LEVEL": "ERROR", "CONCURRENT_REQUESTS": DOWNLOADS, "DOWNLOAD_DELAY": 0,
            "CONCURRENT_REQUESTS_PER_DOMAIN": DOWNLOADS, "TELNETCONSOLE_ENABLED": False,
            "SCRAPER_SLOT_MAX_ACTIVE_SIZE": 1024 * DOWNLOADS, "RETRY_ENABLED": False,
        }  # fmt: skip
        done = 0
        while not _runs_to_its_end(settings, control, random, pages // kills if done < kills else 0):
            done += 1
        control.send(None)
        asked: Counter[int] = Counter(control.recv())
    return Outcome(done, len(asked), asked.total() - len(asked), _cpu_s() - before)


def _runs_to_its_end(settings: dict[str, object], control: Connection, random: Random, mean: int) -> bool:
    """Start the crawl, to be killed after about ``mean`` requests (0: never); return whether it ended by itself."""
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.read(ready, 1)  # until the site knows the process to kill
            _run(settings)
        finally:
            os._exit(2)
    control.send((child, random.randint(mean * 2 // 5, mean * 8 // 5) if mean else -1))
    control.recv()
    os.write(go, b"!")
    status = _wait_for(child)
    os.close(ready)
    os.close(go)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    if status:
        raise RuntimeError(f"the crawl ended with status {status}")
    return True


def _wait_for(child: int) -> int:
    """Return the status of a child process after it has ended."""
    until = time.monotonic() + _LIMIT_S
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise RuntimeError(f"the crawl did not end within {_LIMIT_S} s")


def _cpu_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> None:
    """Print the results of both schedulers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=100)
    given = parser.parse_args()
    print(f"{given.pages:,} pages, up to {given.kills} kills, {IN_FLIGHT} in flight at most, batches of {BATCH}")
    for name in SCHEDULERS:
        found = crawl_with_kills(name, given.pages, given.kills)
        each = found.again / max(1, found.kills)
        print(
            f"{name}: {found.kills} kills, {found.fetched:,} pages fetched, {given.pages - found.fetched:,} missing, "
            f"{found.again:,} requests repeated ({each:.1f} a kill), {found.cpu_s:.0f} CPU-s"
        )


if __name__ == "__main__":
    main()
