"""Wall-clock seconds of ``m5data extract`` on a new workspace with one clip; the target is below 3 s.

python -m bench.extract.cold_start [CLIP] [--rounds 3]
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.extract.small_clips import fill, small_clip
from workspace import Workspace


def seconds(clip: bytes) -> float:
    """Return how long the command takes from start to end."""
    with TemporaryDirectory() as folder:
        fill(Workspace.create(Path(folder)).store, [clip])
        begin = time.perf_counter()
        command = [sys.executable, "-c", "from m5data.cli.main import main; main()", "extract", "-w", folder]
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - begin


def main() -> None:
    """Print each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", help="default: 6 s of 640 pixels")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    clip = arguments.clip.read_bytes() if arguments.clip else small_clip("libx264", "mp4", audio_codec="aac", seconds=6)
    print("m5data extract on one clip:", ", ".join(f"{seconds(clip):.2f} s" for _ in range(arguments.rounds)))


if __name__ == "__main__":
    main()
