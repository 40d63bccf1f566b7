"""Time per clip, memory and core use for 10, 100 and 1,000 clips; the target is constant, with cores above 90 %.

Runs the whole stage on a workspace of clips of 2 s and 320 pixels with audio, all different objects; the
time includes the start of its processes and the commit.

python -m bench.extract.scale [--counts 10 100 1000] [--workers 2]
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.extract.small_clips import small_clip, store_clips
from extract.extract_stage import run
from extract.settings import ExtractSettings


class MemoryWatch:
    """A progress sink that records the peak memory, MB, of this process and of its children."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._told = 0
        self.own = 0.0
        self.children = 0.0

    def start(self, stage: str, total: int | None) -> None:
        """Ignore the start."""

    def advance(self, items: int = 1) -> None:
        """Measure at every fifth clip."""
        self._told += items
        if self._told % 5 == 0:
            self._look()

    def finish(self) -> None:
        """Measure once more."""
        self._look()

    def _look(self) -> None:
        children = self._process.children(recursive=True)
        self.own = max(self.own, self._process.memory_info().rss / 1e6)
        self.children = max(self.children, sum(_memory(child) for child in children) / 1e6)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:  # an encoder that has just ended
        return 0


def different(clip: bytes, count: int) -> Iterator[bytes]:
    """Yield ``count`` copies of the clip, each with a different ``free`` box at its end."""
    for number in range(count):
        yield clip + (16).to_bytes(4) + b"free" + number.to_bytes(8)


def measure(count: int, workers: int, clip: bytes) -> None:
    """Extract ``count`` clips and print the cost."""
    with TemporaryDirectory() as folder:
        store = store_clips(Path(folder), different(clip, count))
        watch = MemoryWatch()
        wall, before = time.perf_counter(), os.times()
        report = run(store, ExtractSettings(workers=workers), progress=watch)
        spent = time.perf_counter() - wall
        after = os.times()
    if report.kept != 2 * count:
        raise SystemExit(f"not every one of {count} clips has frames and audio: {report}")
    cpu = sum(b - a for a, b in zip(before[:4], after[:4], strict=True))
    print(
        f"{count:5} clips: {spent / count * 1e3:6.1f} ms a clip, {cpu / spent / workers:4.0%} of {workers} cores, "
        f"at most {watch.own:.0f} MB here and {watch.children:.0f} MB in decoders",
        flush=True,
    )


def main() -> None:
    """Measure all counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    clip = small_clip("libx264", "mp4", audio_codec="aac", seconds=2, width=320)
    for count in arguments.counts:
        measure(count, arguments.workers, clip)


if __name__ == "__main__":
    main()
