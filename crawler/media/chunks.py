"""Downloads as tasks on a whole cluster: chunks of URLs, each with hosts that no other chunk has.

The process that runs the stage keeps the queue. A chunk receives rows of it and returns their outcomes. URLs that lead
to hosts of other chunks wait until all chunks are done; then chunks that may access all hosts run one at a time.
"""

import hashlib
import json
import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.stage import Progress, utc_now
from crawler.media.downloader import Ended, download
from crawler.media.queue import DDL, ROOM, DownloadRun, Pace, UrlQueue
from crawler.media.workers import MAX_OTHER_HOST, Sink
from crawler.settings import DownloadSettings
from storage import Stage, State, Store
from storage.place import place_at
from storage.tasks import Runner, finished, order, running, take_result

__all__ = ["add_finished", "download_chunk", "download_chunks"]

_URLS = 2_000
"""Most URLs of a chunk, the unit that a kill repeats."""
_CHUNKS = 256
"""Number of chunks to divide the hosts into, so that a cluster has work for every core."""
_FINGERPRINT = "2"
"""Fingerprint of a chunk's result, to be changed with its columns. All else is in its rows."""


def add_finished(stage: Stage, store: Store, queue: UrlQueue) -> None:
    """Add the outcomes of chunks that a killed run finished."""
    for partition in finished(stage.shared_spool, _FINGERPRINT):
        _take(stage, store, queue, partition)


def download_chunks(
    stage: Stage, store: Store, queue: UrlQueue, run: DownloadRun, progress: Progress, runner: Runner
) -> None:
    """Download every open URL of the queue in tasks, until none is open.

    Raises:
        DataError: a task's result is missing.
    """
    chunks = _Chunks(stage, store, queue, run)
    progress.start("download", sum(count for _, count in queue.hosts()))
    try:
        for name, ended in runner(download_chunk, stage.location, chunks.names()):
            progress.advance(chunks.take(name, ended))
    finally:
        progress.finish()


def download_chunk(location: str, name: str) -> Ended:
    """Download a chunk; see ``Task``. The run's limits apply to each task, its bandwidth to all tasks of a machine."""
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


class _Chunks:
    """Assigns chunks to workers and collects their results."""

    def __init__(self, stage: Stage, store: Store, queue: UrlQueue, run: DownloadRun) -> None:
        self._stage = stage
        self._store = store
        self._queue = queue
        self._run = run
        self._paces: dict[str, Pace] = {}
        self._waiting: deque[tuple[str, str]] = deque()
        """Hosts, and the last assigned URL of each."""
        self._running: dict[str, tuple[str, dict[str, str]]] = {}
        """Order -> its partition, and its hosts with the last URL of each; "": the host has no more."""

    def names(self) -> Iterator[str | None]:
        """Yield the name of each order; None: the next order must wait until a running chunk has ended."""
        self._waiting.extend((host, "") for host, _ in self._queue.hosts())
        hosts = -(-len(self._waiting) // _CHUNKS)
        while self._waiting or self._running:
            name = self._next(hosts, apart=True)
            if name or self._running:
                yield name
        while hosts := self._enter_rest():
            yield self._next(hosts, apart=False)
            while self._running:
                yield None

    def take(self, name: str, ended: Ended) -> int:
        """Add a chunk's outcomes to the queue, and return how many URLs now have one."""
        partition, hosts = self._running.pop(name)
        rows = _take(self._stage, self._store, self._queue, partition)
        if rows is None:
            raise DataError("download: the outcomes of some URLs are missing. Run the stage again.")
        is_open = pc.is_in(rows["state"], pa.array(["pending", "stale"]))
        elsewhere = Counter(rows["host"].filter(is_open).to_pylist())
        done = int(rows.num_rows) - elsewhere.total()
        for host, last in hosts.items():
            if host in ended.down:
                done += self._queue.give_up(host)
            elif last and elsewhere[host] < MAX_OTHER_HOST:
                self._waiting.appendleft((host, last))
        now = time.time()
        self._paces |= {host: pace for host, pace in ended.paces.items() if hosts.get(host) or pace[0] > now}
        return done

    def _enter_rest(self) -> int:
        """Put all hosts with open URLs on the waiting list, and return how many there are."""
        self._waiting = deque((host, "") for host, _ in self._queue.hosts())
        return len(self._waiting)

    def _next(self, most: int, *, apart: bool) -> str | None:
        """Store the order of a chunk of at most ``most`` hosts and return its name; None: no host waits."""
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
        return self._order(pa.concat_tables(tables), hosts, apart=apart) if hosts else None

    def _order(self, rows: pa.Table, hosts: dict[str, str], *, apart: bool) -> str:
        paces = {host: pace for host in hosts if (pace := self._paces.pop(host, None))} if apart else self._paces
        facts = {**_facts_of(self._run), "paces": paces, "own": [*hosts] if apart else None}
        partition = hashlib.sha256("\n".join(rows["url"].to_pylist()).encode()).hexdigest()
        inputs = rows.replace_schema_metadata({"run": json.dumps(facts)})
        name = order(self._stage.shared_spool, partition, _FINGERPRINT, inputs, ())
        self._running[name] = partition, hosts
        return name


def _take(stage: Stage, store: Store, queue: UrlQueue, partition: str) -> pa.Table | None:
    """Add a chunk's objects to the index and its outcomes to the queue; return the outcomes, None without any."""
    place, index = place_at(stage.location), store.objects.index
    tables = take_result(stage.shared_spool, place, index, partition, _FINGERPRINT)
    if tables is None or "urls" not in tables:
        return None
    queue.add(tables["urls"])
    return tables["urls"]


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
