"""Build the wheel, install it in an environment of its own, and run what a newcomer would."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command; where it fails, exit with its output."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
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
        rooms = "m5data, crawler, extract, align, annotate, splits, export, scale, storage, webapp, flows, demo_shops"
        places = run(python, "-c", f"import {rooms}\nfor m in ({rooms}): print(m.__file__)", cwd=folder).split()
        if json.loads(rows)[0]["n"] == 0 or any(str(folder) not in place for place in places):
            sys.exit(f"wheel: products are missing or a room was not imported from {folder}: {rows}, {places}")
        sys.stdout.write(f"wheel {wheel.name}: installed elsewhere, tiny demo run\n")


if __name__ == "__main__":
    main()
