"""Downloads as tasks on a whole cluster: chunks of URLs, each with hosts that no other chunk has.

The process that runs the stage keeps the queue. A chunk receives rows of it and returns their outcomes. URLs that lead
to hosts of other chunks wait until all chunks are done; then chunks that may access all hosts run one at a time.
"""

import hashlib
import json
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core.stage import Progress, utc_now
from crawler.media.downloader import Ended, download
from crawler.media.queue import DDL, ROOM, DownloadRun, Pace, UrlQueue
from crawler.media.workers import MAX_OTHER_HOST, Sink
from crawler.settings import DownloadSettings
from storage import Stage, State, Store
from storage.partitions import Done, Order, Results, in_tasks
from storage.tasks import Runner, finished, running

__all__ = ["add_finished", "download_chunk", "download_chunks"]

_URLS = 2_000
"""Most URLs of a chunk, the unit that a kill repeats."""
_CHUNKS = 256
"""Number of chunks to divide the hosts into, so that a cluster has work for every core."""
_FINGERPRINT = "2"
"""Fingerprint of a chunk's result, to be changed with its columns. All else is in its rows."""


def add_finished(stage: Stage, store: Store, queue: UrlQueue) -> None:
    """Add the outcomes of chunks that a killed run finished."""
    results = _results(stage, store)
    for name in finished(results.spool, _FINGERPRINT):
        if tables := results.take(_Chunk(name, {}, pa.table({}))):
            queue.add(tables["urls"])


def download_chunks(
    stage: Stage, store: Store, queue: UrlQueue, run: DownloadRun, progress: Progress, runner: Runner
) -> None:
    """Download every open URL of the queue in tasks, until none is open.

    Raises:
        DataError: a task's result is missing.
    """
    chunks, results = _Chunks(queue, run), _results(stage, store)
    progress.start("download", sum(count for _, count in queue.hosts()))
    try:
        for done in in_tasks(results, download_chunk, _order_of, runner)(chunks.each()):
            progress.advance(chunks.take(done))
    finally:
        progress.finish()


def download_chunk(location: str, name: str) -> Ended:
    """Download a chunk: a task. The run's limits apply to each task, its bandwidth to all tasks of a machine."""
    with running(location, name, "media") as task:
        facts = json.loads((task.inputs.schema.metadata or {})[b"run"])
        run, own = _run_of(facts), facts["own"]
        state = State(task.scratch / "queue.sqlite")
        state.create()
        state.migrate(ROOM, DDL)
        with closing(state.connect()) as connection:
            queue = UrlQueue(connection, run)
            queue.add(task.inputs)
            ended = download(lambda: Sink.open(state, task.objects, run), queue, run, utc_now, lambda _: None, own)
            task.result = {"urls": queue.rows()}
    return ended


@dataclass(frozen=True, slots=True)
class _Chunk:
    """URLs that one task downloads."""

    name: str
    hosts: Mapping[str, str]
    """Its hosts with the last URL of each; "": the host has no more."""
    inputs: pa.Table
    fingerprint: str = _FINGERPRINT


class _Chunks:
    """Assigns chunks to workers and collects their results."""

    def __init__(self, queue: UrlQueue, run: DownloadRun) -> None:
        self._queue = queue
        self._run = run
        self._paces: dict[str, Pace] = {}
        self._waiting: deque[tuple[str, str]] = deque()
        """Hosts, and the last assigned URL of each."""
        self._running: set[str] = set()

    def each(self) -> Iterator[_Chunk | None]:
        """Yield each chunk; None: the next one must wait until a running chunk has ended."""
        self._waiting.extend((host, "") for host, _ in self._queue.hosts())
        hosts = -(-len(self._waiting) // _CHUNKS)
        while self._waiting or self._running:
            chunk = self._next(hosts, apart=True)
            if chunk or self._running:
                yield chunk
        while hosts := self._enter_rest():
            yield self._next(hosts, apart=False)
            while self._running:
                yield None

    def take(self, done: Done[_Chunk]) -> int:
        """Add a chunk's outcomes to the queue, and return how many URLs now have one."""
        self._running.remove(done.partition.name)
        hosts, rows, ended = done.partition.hosts, done.tables["urls"], done.returned
        self._queue.add(rows)
        is_open = pc.is_in(rows["state"], pa.array(["pending", "stale"]))
        elsewhere = Counter(rows["host"].filter(is_open).to_pylist())
        ended_here = int(rows.num_rows) - elsewhere.total()
        for host, last in hosts.items():
            if host in ended.down:
                ended_here += self._queue.give_up(host)
            elif last and elsewhere[host] < MAX_OTHER_HOST:
                self._waiting.appendleft((host, last))
        now = time.time()
        self._paces |= {host: pace for host, pace in ended.paces.items() if hosts.get(host) or pace[0] > now}
        return ended_here

    def _enter_rest(self) -> int:
        """Put all hosts with open URLs on the waiting list, and return how many there are."""
        self._waiting = deque((host, "") for host, _ in self._queue.hosts())
        return len(self._waiting)

    def _next(self, most: int, *, apart: bool) -> _Chunk | None:
        """Return a chunk of at most ``most`` hosts; None: no host waits."""
        tables: list[pa.Table] = []
        hosts: dict[str, str] = {}
        room, each = _URLS, -(-_URLS // most)
        while self._waiting and len(hosts) < most and room > 0:
            host, after = self._waiting.popleft()
            rows = self._queue.open_rows(host, after, min(each, room))
            if rows.num_rows:
                tables.append(rows)
                hosts[host] = rows["url"][-1].as_py() if rows.num_rows == min(each, room) else ""
                room -= rows.num_rows
        return self._chunk(pa.concat_tables(tables), hosts, apart=apart) if hosts else None

    def _chunk(self, rows: pa.Table, hosts: dict[str, str], *, apart: bool) -> _Chunk:
        paces = {host: pace for host in hosts if (pace := self._paces.pop(host, None))} if apart else self._paces
        facts = {**_facts_of(self._run), "paces": paces, "own": [*hosts] if apart else None}
        name = hashlib.sha256("\n".join(rows["url"].to_pylist()).encode()).hexdigest()
        self._running.add(name)
        return _Chunk(name, hosts, rows.replace_schema_metadata({"run": json.dumps(facts)}))


def _order_of(chunk: _Chunk) -> Order:
    return chunk.inputs, ()


def _results(stage: Stage, store: Store) -> Results:
    return Results(stage.name, stage.shared_spool, stage.location, store.objects.index)


def _facts_of(run: DownloadRun) -> dict[str, object]:
    return {
        "settings": run.settings.model_dump(mode="json"),
        "user_agent": run.user_agent,
        "local_hosts": sorted(run.local_hosts),
        "opt_outs": sorted(run.opt_outs),
        "bandwidth_mbit": run.bandwidth_mbit,
    }


def _run_of(facts: dict[str, Any]) -> DownloadRun:
    mbit = facts["bandwidth_mbit"]
    return DownloadRun(
        DownloadSettings.model_validate(facts["settings"]),
        facts["user_agent"],
        frozenset(facts["local_hosts"]),
        frozenset(facts["opt_outs"]),
        mbit and mbit / (os.cpu_count() or 1),
        paces=facts["paces"],
    )
