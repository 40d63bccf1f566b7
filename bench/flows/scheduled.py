"""A one-minute schedule on a real Prefect server: the first run is killed in the middle, the schedule goes on.

    python -m bench.flows.scheduled [--image docs/prefect-run.png] [--size tiny]

Takes three to five minutes. Ends with 1 where something is not as it must be.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

import m5data
from bench.flows.demo_shop import demo_shop
from bench.flows.image import take_picture
from bench.flows.prefect_api import PrefectApi, prefect_server, until
from demo_shops.server import ShopURLs

_PROGRAM = Path(sys.executable).parent / "m5data"
_MINUTES = 240.0
_SHUTDOWN_S = 10.0


def main() -> int:
    """Run it and print what was seen; return how many expectations failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--size", choices=("tiny", "demo"), default="tiny")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home, workspace = Path(scratch) / "prefect", Path(scratch) / "shop"
        home.mkdir()
        os.environ["PREFECT_HOME"] = str(home)
        with (
            demo_shop(workspace, chosen.size) as shops,
            prefect_server(home) as api,
            scheduled(workspace, api) as process,
        ):
            expectations = watch(workspace, shops, api, process, chosen.image)
    for words, holds in expectations.items():
        print(f"{'ok    ' if holds else 'FAILED'} {words}")
    return sum(not holds for holds in expectations.values())


@contextmanager
def scheduled(workspace: Path, api: PrefectApi) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``m5data schedule`` with a one-minute cron."""
    words = [str(_PROGRAM), "schedule", "--cron", "* * * * *", "--refresh", "-w", str(workspace)]
    with subprocess.Popen(words, env={**os.environ, "PREFECT_API_URL": api.url}) as process:
        try:
            yield process
        finally:
            process.kill()


def watch(
    workspace: Path, shops: ShopURLs, api: PrefectApi, process: subprocess.Popen[bytes], image: Path | None
) -> dict[str, bool]:
    """Kill the first run once it has stored frames, let two more run; return expectations, and whether they hold."""
    first = until(api.runs, _MINUTES, "the first run")[0]
    until((workspace / "tables" / "frames").exists, _MINUTES, "the first run's extraction")
    _kill_run(process)
    second = _ended(api, 2)
    before, media = m5data.open(workspace).snapshot.number, _media_asked(shops)
    third = _ended(api, 3)
    if image:
        take_picture(f"{api.url.removesuffix('/api')}/runs/flow-run/{second['id']}", image)
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
        "it asks for no medium": _media_asked(shops) == media,
        "artifacts: stages, drops, ledger, report": api.artifacts(second["id"]).keys()
        == {"m5data-stages", "m5data-drops", "m5data-ledger", "m5data-report"},
        f"SIGTERM ends everything within {_SHUTDOWN_S:g} s": not alive,
    }


def _kill_run(process: subprocess.Popen[bytes]) -> None:
    """Kill what the schedule started, as a machine out of memory would."""
    for child in psutil.Process(process.pid).children():
        child.kill()


def _ended(api: PrefectApi, count: int) -> dict[str, Any]:
    """Wait for the end of the run of that number."""

    def found() -> dict[str, Any] | None:
        runs = api.runs()
        done = len(runs) >= count and runs[count - 1]["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        return runs[count - 1] if done else None

    run: dict[str, Any] = until(found, _MINUTES, f"the end of run {count}")
    return run


def _media_asked(shops: ShopURLs) -> int:
    """Return how often the shops were asked for an image or a video."""
    return sum(
        sum(statuses.values())
        for shop in shops.bases
        for path, statuses in shops.requests(shop).items()
        if "." in path and not path.endswith((".html", ".txt", ".xml"))
    )


if __name__ == "__main__":
    sys.exit(main())
