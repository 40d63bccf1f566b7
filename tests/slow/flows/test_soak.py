"""Over consecutive runs on changing shops, memory, handles, disk and CPU seconds per run stay flat after the third.

Each run is the flow ``everything`` with ``refresh``, followed by a vacuum, all in this process, so that leaks add up;
between two runs, one product's page changes. All runs use one private Prefect server. "Flat": the median of the last
five runs is at most 10 % (memory, seconds, disk) or 0 (handles, threads) above that of runs four to eight.
"""

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import pytest

from demo_shops.shops import change_product
from flows.running import quiet
from tests.slow.flows.demo_shop import demo_shop
from workspace import Workspace
from workspace.vacuuming import vacuum

_STORE = "\nkeep_versions = 12\nkeep_days = 0\n"
_RUNS = 20
_PRODUCTS = ("north:N10001", "north:N10002", "south:30001", "south:30002")


@dataclass(frozen=True)
class Seen:
    """Measurements after a run."""

    seconds: float
    """CPU time of this process and of its ended children."""
    memory_mb: float
    handles: int
    threads: int
    disk_mb: float
    files: int


def _keep_few(workspace: Path) -> None:
    path = workspace / "m5data.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[store]\n", f"[store]{_STORE}"), encoding="utf-8")


def _soak(workspace: Path, runs: int) -> list[Seen]:
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 - reads the environment

    from flows.pipeline import everything  # noqa: PLC0415
    from flows.prefect_server import api_url  # noqa: PLC0415

    seen: list[Seen] = []
    with api_url(workspace / "prefect") as url, temporary_settings({PREFECT_API_URL: url}):
        for number in range(runs):
            change_product(workspace, _PRODUCTS[number % len(_PRODUCTS)])
            began = sum(os.times()[:4])
            everything(str(workspace), refresh=True)
            _vacuum(workspace)
            seen.append(_look(workspace, sum(os.times()[:4]) - began))
            print(f"run {number + 1:2}: {seen[-1]}", flush=True)
    return seen


def _vacuum(workspace: Path) -> None:
    opened = Workspace.open(workspace)
    with closing(opened.store.objects):
        vacuum(opened)


def _look(workspace: Path, seconds: float) -> Seen:
    process = psutil.Process()
    own = [path for path in workspace.rglob("*") if path.is_file() and not {"shops", "prefect"} & set(path.parts)]
    size = sum(path.stat().st_blocks * 512 for path in own) / 1e6
    memory = process.memory_info().rss / 1e6
    return Seen(round(seconds, 2), round(memory, 1), process.num_fds(), _threads(), round(size, 2), len(own))


def _threads() -> int:
    """Count threads, except the up to about fifty that delta-rs keeps for ten seconds after reading files."""
    names = (path.read_text(encoding="ascii").strip() for path in Path("/proc/self/task").glob("*/comm"))
    return sum(name != "tokio-rt-worker" for name in names)


def _not_flat(seen: list[Seen]) -> list[str]:
    """Return the measures that grew, each with its early and late medians."""
    grown = []
    for name, allowed in (("seconds", 0.1), ("memory_mb", 0.1), ("handles", 0.0), ("threads", 0.0), ("disk_mb", 0.1)):
        first, last = (median(getattr(one, name) for one in part) for part in (seen[3:8], seen[-5:]))
        print(f"{name:10} runs 4 to 8: {first:8.2f}, last five: {last:8.2f}")
        grown += [f"{name}: {first:.2f}, then {last:.2f}"] if last > first * (1 + allowed) else []
    return grown


def test_memory_handles_disk_and_seconds_stay_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    with demo_shop(tmp_path / "shop", "tiny"):
        _keep_few(tmp_path / "shop")
        seen = _soak(tmp_path / "shop", _RUNS)
    assert _not_flat(seen) == []
