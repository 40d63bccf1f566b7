"""Pages a second, memory and traffic of ``crawl`` on a generated shop of 1,000, 10,000 and 100,000 pages.

python -m bench.crawl.measure [--counts 1000 10000 100000]

Wanted: pages a second and memory flat, and less than 2 % of the bytes for a second crawl with nothing changed. The
shop is this machine's, its delay is set to none and eight requests are under way at a time. The stage runs in a
process of its own, its start included; memory is that of whichever of its processes held most.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.crawl.shop import Traffic, selling
from flows.run_stage import run_stage
from m5data.run_options import RunContext, RunOptions
from m5data.workspace import Workspace

SETTINGS = """
[sources.shop]
start = ["{address}/sitemap.xml"]
crawl_authorised = true
local = true
delay_s = 0.0

[crawl]
concurrency_per_host = 8
"""


@dataclass(frozen=True, slots=True)
class Crawl:
    """What one crawl took."""

    seconds: float
    peak_mb: float
    requests: int
    sent: int
    """Bytes that the shop sent."""


def crawl(folder: Path, traffic: Traffic) -> Crawl:
    """Crawl a workspace's shop, every page being due."""
    requests, sent = traffic.requests.value, traffic.sent.value
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "bench.crawl.measure", "--run", str(folder)]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"crawl of {folder}: ended with {process.returncode}")
    seconds = time.perf_counter() - began
    return Crawl(seconds, usage.ru_maxrss / 1024, traffic.requests.value - requests, traffic.sent.value - sent)


def measure(count: int) -> None:
    """Crawl a shop twice and print what it took."""
    with selling(count) as (address, traffic), TemporaryDirectory() as scratch:
        folder = Path(scratch) / "workspace"
        Workspace.create(folder, SETTINGS.format(address=address))
        first, second = crawl(folder, traffic), crawl(folder, traffic)
    for name, one in (("first", first), ("second", second)):
        print(
            f"{count:6} pages, {name} crawl: {one.seconds:.1f} s, {count / one.seconds:.0f} pages/s, "
            f"at most {one.peak_mb:.0f} MB, {one.requests} requests, {one.sent / 1e6:.2f} MB sent",
            flush=True,
        )
    print(
        f"{count:6} pages: the second crawl took {second.sent / first.sent:.2%} of the bytes (wanted < 2 %)", flush=True
    )


def main() -> None:
    """Run all counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.run:
        run_stage(Workspace.open(chosen.run), "crawl", RunContext(options=RunOptions(refresh=True)))
        return
    for count in chosen.counts:
        measure(count)


if __name__ == "__main__":
    main()
