"""Latency of answers of 50 concurrent annotators, with server and annotators on the same machine.

``python -m bench.webapp.answer_latency [--seconds 30] [--pause 1.0]``: each annotator asks for tasks and answers them
as the page does, with pauses drawn from an exponential distribution (0: the next answer at once). The latency of an
answer is from its request to its response, when it is synced to the disk. Products and pairs are synthetic.
"""

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import numpy as np
import pyarrow as pa

from annotate.tasks import AnnotationTask, TaskBoard
from core.stage import StageReport
from storage.tables import TABLES
from workspace import Workspace

PROGRAM = Path(sys.executable).parent / "m5data"
PEOPLE = 50
PRODUCTS = 2000
SPECS = 12
SETTINGS = (
    "[store]\nbuckets = 4\n\n[serve]\nrequests_per_s = 100000\nburst = 100000\n\n[annotate.tasks]\nfastest_s = 0\n"
)
MIN_AHEAD = 4


@dataclass
class Times:
    """Seconds of each request, by kind."""

    answers: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)


def make_workspace(root: Path) -> dict[str, str]:
    """Fill a workspace with synthetic products and pairs; return worker -> token."""
    workspace = Workspace.create(root, SETTINGS)
    names = [f"shop:{n}" for n in range(PRODUCTS)]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with workspace.store.stage("fill", settings="") as stage:
        stage.write("products", _table("products", [_product(name, now) for name in names]))
        lines = [
            {"product_id": name, "position": n, "property": f"属性{n}", "value": f"值{n} {name}"}
            for name in names
            for n in range(SPECS)
        ]
        stage.write("specs", _table("specs", lines))
        stage.commit(StageReport("fill", PRODUCTS, PRODUCTS))
    with TaskBoard(workspace.store.state, workspace.settings.annotate.tasks) as board:
        board.add_tasks(AnnotationTask(a, b) for a in names[:40] for b in names if a != b)
        return board.invite([f"w{n}" for n in range(PEOPLE)])


def _product(name: str, now: datetime) -> dict[str, object]:
    caption = f"合成商品 {name} " + "保温 不锈钢 烧水壶 " * 3
    seen = {"first_seen": now, "last_seen": now}
    return {"product_id": name, "source": "shop", "caption": caption, "category": [], **seen}


def _table(name: str, given: Sequence[dict[str, object]]) -> pa.Table:
    schema = TABLES[name].schema
    blank = {f.name: None if f.nullable else "" if pa.types.is_string(f.type) else 0 for f in schema}
    return pa.Table.from_pylist([{**blank, **row} for row in given], schema=schema)


async def annotate(base: str, token: str, until: float, pause: float, times: Times) -> None:
    """Work like one annotator until a moment."""
    rng = random.Random(token)
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.post(f"/in/{token}", headers={"origin": base}) as page:
            csrf = (await page.text()).split('name="csrf" content="')[1].split('"')[0]
        headers = {"origin": base, "x-csrf-token": csrf}

        async def post(path: str, body: dict[str, object], spent: list[float]) -> dict[str, list[dict[str, int]]]:
            began = time.perf_counter()
            async with session.post(path, json=body, headers=headers) as answer:
                answer.raise_for_status()
                said: dict[str, list[dict[str, int]]] = await answer.json()
            spent.append(time.perf_counter() - began)
            return said

        await asyncio.sleep(rng.random() * pause)
        queue: list[int] = []
        while time.perf_counter() < until:
            if len(queue) < MIN_AHEAD:
                queue = [task["number"] for task in (await post("/annotate/tasks", {}, times.tasks))["tasks"]]
            answer = {"task": queue.pop(0), "label": "matched", "seconds": 1.0}
            await post("/annotate/answers", answer, times.answers)
            await asyncio.sleep(rng.expovariate(1 / pause) if pause else 0)


async def measure(base: str, tokens: Sequence[str], seconds: float, pause: float) -> Times:
    """Let all annotators work for some seconds."""
    times = Times()
    until = time.perf_counter() + seconds
    await asyncio.gather(*(annotate(base, token, until, pause, times) for token in tokens))
    return times


def show(name: str, spent: list[float], seconds: float) -> None:
    """Print the quantiles of a kind of request."""
    p50, p95, p99 = np.quantile(spent, [0.5, 0.95, 0.99]) * 1000
    rate = len(spent) / seconds
    print(f"{name}: {len(spent)}, {rate:.0f} a second; p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, "
          f"longest {max(spent) * 1000:.1f} ms")  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds between an annotator's answers")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        tokens = make_workspace(root)
        command = [str(PROGRAM), "serve", "-w", str(root), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                base = server.stdout.readline().split()[1] if server.stdout else ""
                times = asyncio.run(measure(base, list(tokens.values()), chosen.seconds, chosen.pause))
            finally:
                server.terminate()
        print(f"{PEOPLE} annotators, mean pause {chosen.pause:g} s, {chosen.seconds:g} s")
        show("answers", times.answers, chosen.seconds)
        show("next tasks", times.tasks, chosen.seconds)


if __name__ == "__main__":
    main()
