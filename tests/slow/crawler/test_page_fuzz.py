"""Reading mutated or growing pages never raises, hangs or takes unbounded memory.

``M5DATA_PAGES=FOLDER`` adds real pages: ``*.jsonl.gz`` with one page per line (``html``), and ``*.html.gz``.
``M5DATA_SEED`` sets the seed, ``M5DATA_FUZZ`` the number of mutations, ``M5DATA_FROM`` the first one, to resume a run.
"""

import gc
import gzip
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from core.processes.message import Fault, Message
from core.processes.pool import ChildPool, Job, PoolLimits
from crawler.records.page_outcome import PageOptions, handle, job_data, read_page

from .page_mutations import SHAPES, hostile_shape, mutate, url_of_shape

OPTIONS = PageOptions(None, b"key", "m5data", ())
URL = "https://shop.example/p/1"
FIXTURES = Path(__file__).parents[2] / "crawler" / "pages" / "fixtures"
SECONDS = 2.0
"""CPU seconds that a page may take."""
_ATTEMPTS = 3
"""Measurements: on a busy machine one may be off, while a quadratic shape takes four times as long in all."""


def _pages() -> list[bytes]:
    pages = [path.read_bytes() for path in sorted(FIXTURES.glob("*/page.html"))]
    for folder in filter(None, os.environ.get("M5DATA_PAGES", "").split(os.pathsep)):
        for path in sorted(Path(folder).rglob("*.jsonl.gz")):
            with gzip.open(path) as file:
                pages += [json.loads(line)["html"].encode(errors="replace") for line in file]
        pages += [gzip.decompress(path.read_bytes()) for path in sorted(Path(folder).rglob("*.html.gz"))]
    return pages


def _jobs(pages: list[bytes], numbers: range, seed: int) -> Iterator[Job]:
    for number in numbers:
        chance = random.Random(f"{seed}/{number}")
        yield Job(str(number), "s", job_data(URL, {}, mutate(chance.choice(pages), pages, chance)))


@pytest.mark.timeout(7200)
def test_mutated_pages_end_in_a_record_or_a_reason() -> None:
    """Twenty thousand pages are read in processes with limits, as by the stage."""
    seed = int(os.environ.get("M5DATA_SEED", "1"))
    first, count = int(os.environ.get("M5DATA_FROM", "0")), int(os.environ.get("M5DATA_FUZZ", "20000"))
    print(f"seed {seed}, mutations {first} to {first + count}")
    limits = PoolLimits(120, 512 << 20, 64 << 20, 16 << 20)
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    slowest = (0.0, "")
    with ChildPool(partial(_timed, {"s": OPTIONS}), len(os.sched_getaffinity(0)), limits) as pool:
        for job, reply in pool.run(_jobs(_pages(), range(first, first + count), seed)):
            if isinstance(reply, Fault) or "fault" in reply.head:
                faults.append(f"{job.key}: {reply}")
                continue
            outcome = json.loads(reply.bodies[0])
            outcomes[outcome["kind"]] += 1
            if outcome["kind"] == "unreadable":
                faults.append(f"{job.key}: {outcome['detail']}")
            slowest = max(slowest, (float(str(reply.head["seconds"])), job.key))
    print(dict(outcomes.most_common()), f"slowest {slowest[0]:.2f} s (mutation {slowest[1]})", *faults[:20], sep="\n")
    assert faults == []
    assert slowest[0] < SECONDS


def _timed(sources: dict[str, PageOptions], source: str, data: bytes) -> Message:
    began = time.process_time()
    reply = handle(sources, source, data)
    return Message({**reply.head, "seconds": time.process_time() - began}, reply.bodies)


@pytest.mark.parametrize("name", SHAPES)
def test_time_grows_with_the_size_of_a_hostile_page(name: str) -> None:
    """At twice the size, a page takes at most 2.5 times the CPU time, from a size with measurable time."""
    assert _seconds(name, 300_000) < SECONDS
    size = 20_000
    while (before := _seconds(name, size)) < 0.4 and size < 4_000_000:
        size *= 2
    for _ in range(_ATTEMPTS):
        after = _seconds(name, 2 * size)
        print(f"{name}: {before:.2f} s at {size:,} bytes, {after:.2f} s at twice that")
        if after <= max(2.5 * before, 0.3):
            return
        before = _seconds(name, size)
    raise AssertionError(f"{name}: more than 2.5 times as long, {_ATTEMPTS} times")


def _seconds(name: str, size: int) -> float:
    body, url = hostile_shape(name, size), url_of_shape(name)
    times: list[float] = []
    gc.collect()
    gc.freeze()  # else collections also walk through what earlier tests left
    for _ in range(2):
        began = time.process_time()
        read_page(OPTIONS, body, url, {})
        times.append(time.process_time() - began)
        if times[-1] > 3:
            break
    gc.unfreeze()
    return min(times)
