"""The whole pipeline on a synthetic catalogue of M5Product's shape, from the feeds of three shops to link files.

    python -m bench.m5_journey [--products N] [--folder FOLDER] [--one-command] [--later]

Each stage is a separate command, start included. The table shows its wall-clock seconds, and the CPU seconds and peak
memory of all its processes together. The catalogue is created once per size; the workspace is new each time.
"""

import argparse
import shutil
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.m5_journey.catalogue import LATER, M5_PRODUCTS, write_catalogue
from bench.m5_journey.names import SHOPS
from bench.m5_journey.planted import found_duplicates
from bench.m5_journey.stayed import changed_since
from storage import Store
from workspace import Workspace

__all__ = ["Cost", "measure"]

_MACHINE = """
[machine]
memory_mb = 3072
"""
_SOURCE = """
[sources.{name}]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"
"""
_STAGES = (
    ["texts"],
    ["dedup"],
    ["align"],
    ["build-splits"],
    ["stats"],
    ["export", "--format", "links"],
    ["verify"],
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a command."""

    wall: float
    cpu: float
    peak: float
    """Peak resident memory of all its processes together, GB."""
    status: int


def measure(arguments: list[str]) -> Cost:
    """Run ``m5data`` with arguments and return its cost; its output goes to standard error."""
    command = [str(Path(sys.executable).parent / "m5data"), *arguments]
    began = time.perf_counter()
    before = psutil.Process().cpu_times()
    with psutil.Popen(command, stdout=sys.stderr) as process:
        peak = _Peak(process)
        status = process.wait()
    wall = time.perf_counter() - began
    after = psutil.Process().cpu_times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, cpu, peak.end(), status)


class _Peak:
    """Peak memory of a process and its children, sampled five times a second."""

    def __init__(self, process: psutil.Popen) -> None:
        self._process = process
        self._most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        return self._most / 2**30

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                self._most = max(self._most, sum(_held(one) for one in family))
            except psutil.NoSuchProcess:
                return


def _held(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _show(name: str, cost: Cost) -> None:
    failed = f"  ENDED WITH {cost.status}" if cost.status else ""
    print(f"{name:24}{cost.wall:9.1f} s{cost.cpu:9.1f} CPU s{cost.peak:7.2f} GB{failed}", flush=True)


def journey(workspace: Path, catalogue: Path, *, one_command: bool) -> None:
    """Ingest the shops, run the stages by separate commands or by one, and print how well duplicates were found."""
    for shop in SHOPS:
        feed = str(catalogue / f"{shop}.parquet")
        _show(f"ingest {shop}", measure(["ingest", feed, "--source", shop, "-w", str(workspace)]))
    if one_command:
        _show("run", measure(["run", "--no-media", "-w", str(workspace)]))
    for stage in () if one_command else _STAGES:
        _show(" ".join(stage[:1]), measure([*stage, "-w", str(workspace)]))
    print(found_duplicates(workspace, catalogue))


def more(workspace: Path, catalogue: Path) -> None:
    """Ingest the later shop's feed, one per cent more products, run everything, and print what changed elsewhere."""
    before = Store.open(workspace).snapshot().number
    feed = str(catalogue / f"{LATER}.parquet")
    _show(f"ingest {LATER}", measure(["ingest", feed, "--source", LATER, "-w", str(workspace)]))
    _show("run", measure(["run", "--no-media", "-w", str(workspace)]))
    _show("run, nothing to do", measure(["run", "--no-media", "-w", str(workspace)]))
    print(found_duplicates(workspace, catalogue))
    print(changed_since(workspace, before))


def main() -> None:
    """Create the catalogue and the workspace, and run all stages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--products", type=int, default=M5_PRODUCTS)
    parser.add_argument("--folder", type=Path, default=Path("bench/out/m5_journey"))
    parser.add_argument("--one-command", action="store_true", help="Run everything behind ingest by m5data run.")
    parser.add_argument("--later", action="store_true", help="Afterwards add one per cent and run again.")
    given = parser.parse_args()
    catalogue, workspace = given.folder / f"catalogue-{given.products}", given.folder / f"workspace-{given.products}"
    if not catalogue.exists():
        draft = catalogue.with_name(f"{catalogue.name}.tmp")
        write_catalogue(draft, given.products)
        draft.rename(catalogue)
    shutil.rmtree(workspace, ignore_errors=True)
    Workspace.create(workspace, _MACHINE + "".join(_SOURCE.format(name=name) for name in (*SHOPS, LATER)))
    journey(workspace, catalogue, one_command=given.one_command)
    if given.later:
        more(workspace, catalogue)


if __name__ == "__main__":
    main()
