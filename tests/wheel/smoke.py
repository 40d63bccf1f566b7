"""Build the wheel, install it in a separate environment, and run a newcomer's first commands."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.test_rooms import ROOMS

ROOT = Path(__file__).resolve().parents[2]
PROMISED = (
    "m5data.open",
    "crawler.parse_page",
    "extract.sample_frames",
    "extract.mfcc",
    "align.label_similarity",
    "align.content_similarity",
    "align.align",
    "annotate.aggregate",
    "splits.build",
    "scale.retrieval_metrics",
)


def run(*command: str | Path, cwd: Path, pins: Path | None = None) -> str:
    """Run a command; if it fails, exit with its output. ``pins`` replaces pip's constraints."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    if pins is not None:
        environment["PIP_CONSTRAINT"] = str(pins)
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Build, install, run the tiny demo, and check that no file came from the source tree."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=folder)
        (wheel,) = folder.glob("*.whl")
        run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
        python = folder / "venv" / "bin" / "python"
        constraints = ROOT / "constraints.txt"
        run(python, "-m", "pip", "install", "--quiet", "--no-compile", "--constraint", constraints, wheel, cwd=folder)
        m5data = folder / "venv" / "bin" / "m5data"
        run(m5data, "demo", "shop", "--size", "tiny", cwd=folder)
        rows = run(m5data, "sql", "select count(*) as n from products", "-w", "shop", "--format", "json", cwd=folder)
        rooms = ", ".join(ROOMS)
        places = run(python, "-c", f"import {rooms}\nfor m in ({rooms}): print(m.__file__)", cwd=folder).split()
        if json.loads(rows)[0]["n"] == 0 or any(str(folder) not in place for place in places):
            sys.exit(f"wheel: products are missing or a room was not imported from {folder}: {rows}, {places}")
        _check_types(folder, python)
        _check_moviepy(folder, python, wheel)
        sys.stdout.write(f"wheel {wheel.name}: installed elsewhere, tiny demo run, public names typed, moviepy used\n")


_MOVIEPY = """
import numpy as np, extract
from extract.results import Audio
from extract.settings import AudioSettings, ExtractSettings
from media.mp4 import encode_mp4
from core.processes.message import Fault

if __name__ == "__main__":
    wave = (8000 * np.sin(np.arange(44_100) / 16)).astype(np.int16)
    clip = encode_mp4((np.full((48, 64, 3), 9 * number, np.uint8) for number in range(24)), 24, audio=wave)
    audio = extract.extract_clip(clip, ExtractSettings(sound=AudioSettings(backend="moviepy"))).audio
    assert isinstance(audio, Audio) and len(audio.mp3) > 10_000, audio
    assert b"ftyp" in extract.make_preview(clip, backend="moviepy")[:16]
"""


def _check_moviepy(folder: Path, python: Path, wheel: Path) -> None:
    """Install the extra, which replaces Pillow by an older one, and use it as encoder of mp3 and previews."""
    pinned = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    others = folder / "constraints.txt"
    others.write_text("\n".join(line for line in pinned if not line.startswith("pillow==")), "utf-8")
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", f"{wheel}[moviepy]", cwd=folder, pins=others)
    script = folder / "with_moviepy.py"
    script.write_text(_MOVIEPY, "utf-8")
    run(python, script, cwd=folder)


def _check_types(folder: Path, python: Path) -> None:
    """Check that a user's type checker recognises the promised functions."""
    script = folder / "script.py"
    script.write_text("".join(f"import {name.partition('.')[0]}\nreveal_type({name})\n" for name in PROMISED), "utf-8")
    command = (sys.executable, "-m", "mypy", "--python-executable", python, "--follow-imports", "silent", script)
    found = [line for line in run(*command, cwd=folder).splitlines() if "Revealed type" in line]
    untyped = [line for line in found if "def (" not in line]
    if untyped or len(found) != len(PROMISED):
        sys.exit("wheel: mypy sees no function in:\n" + "\n".join(untyped or found))


if __name__ == "__main__":
    main()
