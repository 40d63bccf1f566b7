"""A one-minute schedule on a real Prefect server continues after its first run is killed in the middle.

Takes three to five minutes. ``M5DATA_SCREENSHOT=docs/prefect-run.png`` also writes a screenshot of the second run's
page.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

import m5data
from demo_shops.server import ShopURLs
from tests.flows.prefect_api import PrefectApi, prefect_server, until
from tests.slow.flows.demo_shop import demo_shop
from tests.slow.flows.programs import PROGRAM
from tests.slow.flows.screenshot import take_screenshot

_MINUTES = 240.0
_SHUTDOWN_S = 10.0


def test_the_schedule_goes_on_after_a_killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, workspace = tmp_path / "prefect", tmp_path / "shop"
    home.mkdir()
    monkeypatch.setenv("PREFECT_HOME", str(home))
    image = os.environ.get("M5DATA_SCREENSHOT")
    with demo_shop(workspace, "tiny") as shops, prefect_server(home) as api, scheduled(workspace, api) as process:
        expectations = watch(workspace, shops, api, process, Path(image) if image else None)
    assert [words for words, holds in expectations.items() if not holds] == []


@contextmanager
def scheduled(workspace: Path, api: PrefectApi) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``m5data schedule`` with a one-minute cron."""
    words = [PROGRAM, "schedule", "--cron", "* * * * *", "--refresh", "-w", str(workspace)]
    with subprocess.Popen(words, env={**os.environ, "PREFECT_API_URL": api.url}) as process:
        try:
            yield process
        finally:
            process.kill()


def watch(
    workspace: Path, shops: ShopURLs, api: PrefectApi, process: subprocess.Popen[bytes], image: Path | None
) -> dict[str, bool]:
    """Kill the first run once it has stored frames, let two more run; return expectation -> whether it holds."""
    first = until(api.runs, _MINUTES, "the first run")[0]
    until((workspace / "tables" / "frames").exists, _MINUTES, "the first run's extraction")
    _kill_run(process)
    second = _ended(api, 2)
    before, media = m5data.open(workspace).snapshot.number, _media_asked(shops)
    third = _ended(api, 3)
    if image:
        take_screenshot(f"{api.url.removesuffix('/api')}/runs/flow-run/{second['id']}", image)
    after, crashed = m5data.open(workspace).snapshot.number, api.runs()[0]
    stages = api.artifacts(third["id"]).get("m5data-stages", "")
    print(f"runs: {[(run['name'], run['state_type'], round(run['total_run_time'], 1)) for run in api.runs()]}")
    print(f"dataset version {before} after the second, {after} after the third")
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, alive = psutil.wait_procs([*family, psutil.Process(process.pid)], timeout=_SHUTDOWN_S)
    print(f"SIGTERM: all ended after {time.monotonic() - began:.1f} s")
    return {
        "the first run, killed, is marked crashed": crashed["id"] == first["id"] and crashed["state_type"] == "CRASHED",
        "the second, scheduled, ends the first one's work": second["state_type"] == "COMPLETED",
        "both were started by the schedule": bool(second["auto_scheduled"] and third["auto_scheduled"]),
        "the third finds nothing changed, and commits nothing": before == after and "false" not in stages.lower(),
        "it asks for no image or video": _media_asked(shops) == media,
        "artifacts: stages, drops, ledger, report": api.artifacts(second["id"]).keys()
        == {"m5data-stages", "m5data-drops", "m5data-ledger", "m5data-report"},
        f"SIGTERM ends everything within {_SHUTDOWN_S:g} s": not alive,
    }


def _kill_run(process: subprocess.Popen[bytes]) -> None:
    """Kill the children of the schedule, as a machine out of memory would."""
    for child in psutil.Process(process.pid).children():
        child.kill()


def _ended(api: PrefectApi, count: int) -> dict[str, Any]:
    """Wait for the end of the run with a number, from 1."""

    def found() -> dict[str, Any] | None:
        runs = api.runs()
        done = len(runs) >= count and runs[count - 1]["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        return runs[count - 1] if done else None

    run: dict[str, Any] = until(found, _MINUTES, f"the end of run {count}")
    return run


def _media_asked(shops: ShopURLs) -> int:
    """Return the number of requests to the shops for images and videos."""
    return sum(
        sum(statuses.values())
        for shop in shops.bases
        for path, statuses in shops.requests(shop).items()
        if "." in path and not path.endswith((".html", ".txt", ".xml"))
    )
