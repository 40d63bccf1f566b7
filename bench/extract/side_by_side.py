"""Speed of extracting frames, mp3 and MFCC from clips with natural motion: m5data against its peers, in one run.

Peers process the clips one by one, as scripts do, with the threads that they start themselves. m5data
runs its stage on a workspace with the clips: its time includes the start of its processes, and writing
frames, mp3 and MFCC to the store and its tables, committed and synced. Prints, for each class of
clips, wall-clock and CPU seconds per clip, and ratios to the peers.

    python -m bench.extract.side_by_side FOLDER [--each 8] [--workers 2]
"""

import argparse
import logging
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import librosa
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from bench.extract.clips import make_clips
from bench.extract.small_clips import store_clips
from extract.extract_stage import run
from extract.settings import ExtractSettings
from storage import Store


def warm_librosa() -> None:
    """Let librosa compile its functions, so that the time for that does not count against the peer."""
    librosa.feature.mfcc(y=np.zeros(22_050, np.float32), sr=22_050, n_fft=1024, hop_length=256)


def by_moviepy_and_librosa(clip: Path, folder: Path) -> None:
    """Extract as the papers describe: moviepy for the mp3 and one frame per second, librosa for MFCC."""
    from moviepy import VideoFileClip  # noqa: PLC0415 - an extra that holds Pillow back

    with VideoFileClip(str(clip)) as video:
        audio = folder / f"{clip.stem}.mp3"
        video.audio.write_audiofile(str(audio), logger=None)
        for second in range(int(video.duration)):
            Image.fromarray(video.get_frame(second)).save(folder / f"{clip.stem}_{second}.jpg", quality=90)
    samples, rate = librosa.load(audio, sr=22_050)
    np.save(folder / f"{clip.stem}.npy", librosa.feature.mfcc(y=samples, sr=rate, n_fft=1024, hop_length=256))


def by_ffmpeg(clip: Path, folder: Path) -> None:
    """Run the binary once, with default options: one jpg per second and an mp3, no MFCC."""
    frames = ["-map", "0:v", "-vf", "fps=1", str(folder / f"{clip.stem}_%d.jpg")]
    _ffmpeg(clip, [*frames, "-map", "0:a", str(folder / f"{clip.stem}.mp3")])


def full_decode(clip: Path, folder: Path) -> None:
    """Decode video and audio, and discard them."""
    del folder
    _ffmpeg(clip, ["-f", "null", "-"])


def _ffmpeg(clip: Path, wanted: list[str]) -> None:
    command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", "-i", str(clip), *wanted]
    subprocess.run(command, check=True)


Peer = Callable[[Path, Path], None]
"""Function of a clip and a folder for its results."""

Way = Callable[[Peer, Sequence[Path], Path], None]
"""Function that runs a peer on all clips."""

WANTED = {
    "b_frames": {"moviepy + librosa": 5.0, "ffmpeg, one pass": 1 / 0.6},
    "baseline": {"moviepy + librosa": 3.0, "ffmpeg, one pass": 1 / 0.9},
    "open_gop": {"moviepy + librosa": 3.0, "ffmpeg, one pass": 1 / 0.9},
}


@dataclass(frozen=True)
class Cost:
    """Average cost of one clip."""

    wall_s: float
    cpu_s: float
    """CPU seconds of this process and of the children it waited for."""


def measure(call: Callable[[], object], clips: int) -> Cost:
    """Return the cost of a call per clip."""
    wall, before = time.perf_counter(), os.times()
    call()
    after = os.times()
    cpu = sum(b - a for a, b in zip(before[:4], after[:4], strict=True))
    return Cost((time.perf_counter() - wall) / clips, cpu / clips)


def check(store: Store, clips: int) -> None:
    """Raise unless frames, mp3 and MFCC of every clip are committed."""
    for table in ("frames", "audio"):
        rows = store.snapshot().table(table, ["video_sha256"]).to_pylist()
        if len({row["video_sha256"] for row in rows}) != clips:
            raise SystemExit(f"expected {table} of {clips} clips; see the table rejects of {store.root}")


def one_by_one(peer: Peer, clips: Sequence[Path], folder: Path) -> None:
    """Run a peer on one clip after the other."""
    for clip in clips:
        peer(clip, folder)


def two_at_a_time(peer: Peer, clips: Sequence[Path], folder: Path) -> None:
    """Run a peer on two clips at a time, which keeps two cores busier."""
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda clip: peer(clip, folder), clips))


def compare(name: str, clips: Sequence[Path], workers: int, others: Mapping[str, tuple[Way, Peer]]) -> None:
    """Print the figures of one class."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = store_clips(folder / "workspace", (clip.read_bytes() for clip in clips))
        print(f"{name}: {len(clips)} clips", flush=True)
        own = measure(lambda: run(store, ExtractSettings(workers=workers)), len(clips))
        check(store, len(clips))
        print(f"  {'m5data':28}{own.wall_s:7.3f} s wall{own.cpu_s:7.3f} s cpu")
        for peer, (way, call) in others.items():
            cost = measure(partial(way, call, clips, folder), len(clips))
            ratio = cost.wall_s / own.wall_s
            wanted = WANTED[name].get(peer)
            verdict = "" if wanted is None else f"  target {wanted:.2f}: {'reached' if ratio >= wanted else 'MISSED'}"
            print(f"  {peer:28}{cost.wall_s:7.3f} s wall{cost.cpu_s:7.3f} s cpu{ratio:7.2f} x{verdict}", flush=True)


def main() -> None:
    """Compare all classes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    clips_of = make_clips(arguments.folder, arguments.each)
    logging.basicConfig(format="  %(message)s")
    logging.getLogger("extract").setLevel(logging.INFO)  # reports how clips were decoded
    warm_librosa()
    calls: dict[str, tuple[Way, Peer]] = {
        "moviepy + librosa": (one_by_one, by_moviepy_and_librosa),
        "ffmpeg, one pass": (one_by_one, by_ffmpeg),
        "ffmpeg, one pass, two at once": (two_at_a_time, by_ffmpeg),
        "ffmpeg, full decode": (one_by_one, full_decode),
    }
    if find_spec("moviepy") is None:
        print("moviepy is not installed: its peer is left out")
        del calls["moviepy + librosa"]
    for name, clips in clips_of.items():
        compare(name, clips, arguments.workers, calls)


if __name__ == "__main__":
    main()
