"""Latency of pages for 50 readers while 60 queries at once each try to take all memory and time.

``python -m bench.webapp.hostile_queries [--seconds 20]``: readers open pages of the browser every one to three seconds,
first alone, then beside the queries. Printed are the latency of a page, the longest query, the memory of the server
with its processes, and the machine's load. Products are synthetic.
"""

import argparse
import asyncio
import os
import random
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from bench.webapp.answer_latency import PROGRAM, make_workspace, show

READERS = 50
QUERIES = 60
PAGES = ("/products", "/products?q=a", "/products?page=2", "/products?sort=price", "/")
HOSTILE = (
    "SELECT list_aggregate(range(1000000000), 'sum')",
    "SELECT length(repeat('x', 3000000000))",
    "SELECT count(*) FROM generate_series(1, 1000000000000)",
    "SELECT count(*) FROM products a, products b, products c, products d, products e",
    "WITH RECURSIVE t(n, s) AS (SELECT 1, 'x' UNION ALL SELECT n + 1, s || s FROM t) SELECT max(length(s)) FROM t",
    "SELECT list(x.range) FROM range(1000000000) x",
    "SELECT * FROM range(100000000) ORDER BY hash(range)",
    "SELECT regexp_matches(repeat('a', 30000000), '(a|a)*b')",
)
_SAMPLE_S = 0.2


@dataclass
class Measured:
    """Seconds of each request, their states, and the largest memory in bytes."""

    pages: list[float] = field(default_factory=list)
    queries: list[float] = field(default_factory=list)
    states: Counter[int] = field(default_factory=Counter)
    memory: int = 0


async def read(session: aiohttp.ClientSession, seed: int, until: float, found: Measured) -> None:
    """Open pages like one reader until a moment."""
    rng = random.Random(seed)
    while time.perf_counter() < until:
        await asyncio.sleep(rng.uniform(1, 3))
        began = time.perf_counter()
        async with session.get(rng.choice(PAGES)) as answer:
            await answer.read()
        found.pages.append(time.perf_counter() - began)
        found.states[answer.status] += 1


async def ask(session: aiohttp.ClientSession, query: str, found: Measured) -> None:
    """Send one query and wait for its answer."""
    began = time.perf_counter()
    async with session.get("/sql", params={"query": query}) as answer:
        await answer.read()
    found.queries.append(time.perf_counter() - began)


async def watch(server: psutil.Process, until: float, found: Measured) -> None:
    """Note the largest memory of the server and its processes; shared pages count once for each that shares them."""
    while time.perf_counter() < until:
        found.memory = max(found.memory, sum(_memory(one) for one in (server, *server.children(recursive=True))))
        await asyncio.sleep(_SAMPLE_S)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:  # it has ended
        return 0


@asynccontextmanager
async def signed_in(link: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a session of the person whose link it is."""
    base, _, token = link.partition("/in/")
    connections = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.CookieJar(unsafe=True), connector=connections) as session:
        async with session.post(f"/in/{token}", headers={"origin": base}) as answer:
            answer.raise_for_status()
        yield session


async def measure(link: str, server: psutil.Process, seconds: float, queries: int) -> Measured:
    """Let all readers work for some seconds beside some queries."""
    found = Measured()
    async with signed_in(link) as session:
        until = time.perf_counter() + seconds
        readers = [read(session, seed, until, found) for seed in range(READERS)]
        asked = [ask(session, HOSTILE[number % len(HOSTILE)], found) for number in range(queries)]
        await asyncio.gather(*readers, *asked, watch(server, until, found))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        make_workspace(root)
        command = [str(PROGRAM), "serve", "-w", str(root), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                lines = iter(server.stdout or ())
                link = next(
                    match[1] for match in (re.search(r"sign in: (http://\S+)", line) for line in lines) if match
                )
                for queries in (0, QUERIES):
                    found = asyncio.run(measure(link, psutil.Process(server.pid), chosen.seconds, queries))
                    print(f"{READERS} readers, {queries} queries, load {os.getloadavg()[0]:.1f}, states {found.states}")
                    show("pages", found.pages, chosen.seconds)
                    longest = f"{max(found.queries):.1f} s" if found.queries else "-"
                    print(f"longest query {longest}; memory of all processes {found.memory / 1e6:,.0f} MB")
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
