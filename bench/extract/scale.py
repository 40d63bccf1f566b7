"""Time a clip, memory and use of the cores for 10, 100 and 1,000 clips: wanted flat, cores above 90 %.

python -m bench.extract.scale [--counts 10 100 1000] [--workers 2]
"""

import argparse
import os
import resource
import time

import psutil

from bench.extract.small_clips import small_clip
from extract.engine import Item, LocalEngine
from extract.settings import ExtractSettings


def memory_mb() -> float:
    """Return the memory of this process and its children now, MB."""
    process = psutil.Process()
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 1e6


def run(count: int, workers: int, data: bytes) -> None:
    """Extract so many clips and print what it took."""
    items = [Item(f"{number:064x}", "video", len(data)) for number in range(count)]
    engine = LocalEngine(ExtractSettings(workers=workers), lambda _: data)
    wall, before = time.perf_counter(), os.times()
    peak = 0.0
    for number, _ in enumerate(engine.run(items, count)):
        if number % 5 == 0:
            peak = max(peak, memory_mb())
    spent = time.perf_counter() - wall
    after = os.times()
    cpu = sum(b - a for a, b in zip(before[:4], after[:4], strict=True))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"{count:5} clips: {spent / count * 1e3:7.1f} ms a clip, {cpu / spent / workers:5.0%} of {workers} cores, "
        f"all processes {peak:.0f} MB at most, this one {own:.0f} MB"
    )


def main() -> None:
    """Run all counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    data = small_clip("libx264", "mp4", sound="aac", seconds=6, width=640)
    for count in arguments.counts:
        run(count, arguments.workers, data)


if __name__ == "__main__":
    main()
