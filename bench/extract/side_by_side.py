"""Frames, mp3 and MFCC of clips with natural motion: this project against its peers, in one run.

Peers go through the clips one by one, as scripts do, with the threads they start themselves; this
project's processes are started within its time. Prints, for each class of clips, wall and processor
seconds a clip and ratios to the peers.

    python -m bench.extract.side_by_side FOLDER [--each 8] [--workers 2]
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.extract.clips import make_clips
from extract.engine import Item, LocalEngine
from extract.results import ClipResult, Frames, Sound
from extract.settings import ExtractSettings

Peer = Callable[[Path, Path], None]
"""Takes a clip and a folder for its results."""

WANTED = {
    "b_frames": {"moviepy + librosa": 5.0, "ffmpeg, one pass": 1 / 0.6},
    "baseline": {"moviepy + librosa": 3.0, "ffmpeg, one pass": 1 / 0.9},
    "open_gop": {"moviepy + librosa": 3.0, "ffmpeg, one pass": 1 / 0.9},
}


@dataclass(frozen=True)
class Cost:
    """Of one clip, on average."""

    wall_s: float
    cpu_s: float
    """Of this process and the children it waited for."""


def measure(call: Callable[[], None], clips: int) -> Cost:
    """Return what a call costs a clip."""
    wall, before = time.perf_counter(), os.times()
    call()
    after = os.times()
    cpu = sum(b - a for a, b in zip(before[:4], after[:4], strict=True))
    return Cost((time.perf_counter() - wall) / clips, cpu / clips)


def ours(clips: Sequence[Path], folder: Path, workers: int) -> set[str]:
    """Extract the clips and write the results; return the ways they were decoded."""
    settings = ExtractSettings(workers=workers)
    items = [Item(clip.stem, "video", clip.stat().st_size) for clip in clips]
    paths = {clip.stem: clip for clip in clips}
    ways = set()
    for item, result in LocalEngine(settings, lambda key: paths[key].read_bytes()).run(items, len(items)):
        if not isinstance(result, ClipResult) or not isinstance(result.frames, Frames):
            raise SystemExit(f"{item.sha256}: {result}")
        if not isinstance(result.sound, Sound):
            raise SystemExit(f"{item.sha256}: {result.sound}")
        (folder / f"{item.sha256}.mjpeg").write_bytes(result.frames.jpegs)
        (folder / f"{item.sha256}.mp3").write_bytes(result.sound.mp3)
        (folder / f"{item.sha256}.f32").write_bytes(result.sound.feature)
        ways.add(result.frames.way)
    return ways


def through_all(peer: Peer, clips: Sequence[Path], folder: Path) -> None:
    """Give a peer one clip after the other."""
    for clip in clips:
        peer(clip, folder)


def compare(name: str, clips: Sequence[Path], workers: int, peers: Mapping[str, Peer]) -> None:
    """Print one class's figures."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ways: set[str] = set()
        own = measure(lambda: ways.update(ours(clips, folder, workers)), len(clips))
        print(f"{name}: {len(clips)} clips, decoded {sorted(ways)}")
        print(f"  {'m5data':22}{own.wall_s:7.2f} s wall{own.cpu_s:7.2f} s cpu")
        for peer, call in peers.items():
            cost = measure(lambda call=call: through_all(call, clips, folder), len(clips))  # type: ignore[misc]
            ratio = cost.wall_s / own.wall_s
            wanted = WANTED[name].get(peer)
            verdict = "" if wanted is None else f"  wanted {wanted:.2f}: {'reached' if ratio >= wanted else 'MISSED'}"
            print(f"  {peer:22}{cost.wall_s:7.2f} s wall{cost.cpu_s:7.2f} s cpu{ratio:7.2f} x{verdict}")


def main() -> None:
    """Compare all classes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    clips_of = make_clips(arguments.folder, arguments.each)
    from bench.extract import peers  # noqa: PLC0415 - decoder processes import this module again, and not these

    peers.warm_librosa()
    calls: dict[str, Peer] = {
        "moviepy + librosa": peers.by_moviepy_and_librosa,
        "ffmpeg, one pass": peers.by_ffmpeg,
        "ffmpeg, full decode": peers.full_decode,
    }
    for name, clips in clips_of.items():
        compare(name, clips, arguments.workers, calls)


if __name__ == "__main__":
    main()
