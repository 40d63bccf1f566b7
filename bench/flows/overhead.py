"""The cost of the flow over plain calls of the same functions, beyond Prefect's own start.

    python -m bench.flows.overhead [--size demo] [--rounds 1]

Runs the demo in a fresh workspace, once by plain calls under the workspace's lock, once by the flow with a Prefect
server that is up already; the shops are the same. Target: at most 5 %.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from flows.run_stage import run_stage
from flows.running import quiet
from m5data.run_options import RunContext
from m5data.stages import PARTS
from m5data.workspace import Workspace
from tests.slow.flows.demo_shop import demo_shop


def main() -> int:
    """Time both ways and print the difference."""
    parser = argparse.ArgumentParser(description="The flow against plain calls.")
    parser.add_argument("--size", choices=("tiny", "demo"), default="demo")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--shops", type=Path, help="folder that keeps the shops for another time")
    chosen = parser.parse_args()
    quiet()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ["PREFECT_HOME"] = str(Path(folder) / "home")
        shops = chosen.shops or Path(folder) / "shops"
        stack.enter_context(demo_shop(shops, chosen.size))
        flow = _flow(stack, Path(folder))
        plain, flowed = [], []
        _run(shops, Path(folder) / "warm", _plain)
        for number in range(chosen.rounds):
            plain.append(_run(shops, Path(folder) / f"plain{number}", _plain))
            flowed.append(_run(shops, Path(folder) / f"flow{number}", flow))
    one, other = median(plain), median(flowed)
    print(f"plain calls {one:.2f} s {plain}, flow {other:.2f} s {flowed}: {other / one - 1:+.1%} (target <= 5 %)")
    return 0 if other <= one * 1.05 else 1


def _flow(stack: ExitStack, folder: Path) -> Callable[[Path], None]:
    """Start Prefect, and return what runs the flow."""
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 - reads the environment

    from flows.pipeline import everything  # noqa: PLC0415
    from flows.prefect_server import api_url  # noqa: PLC0415

    url = stack.enter_context(api_url(folder / "prefect"))
    stack.enter_context(temporary_settings({PREFECT_API_URL: url}))

    def run(workspace: Path) -> None:
        everything(str(workspace))

    return run


def _plain(workspace: Path) -> None:
    opened = Workspace.open(workspace)
    with opened.store.lock():
        for name in PARTS["everything"]:
            run_stage(opened, name, RunContext())


def _run(shops: Path, workspace: Path, work: Callable[[Path], None]) -> float:
    """Make an empty workspace of the served shops, and time the work on it."""
    workspace.mkdir()
    shutil.copytree(shops / "shops", workspace / "shops")
    text = (shops / "m5data.toml").read_text(encoding="utf-8")
    Workspace.create(workspace, text)
    began = time.perf_counter()
    work(workspace)
    return round(time.perf_counter() - began, 2)


if __name__ == "__main__":
    sys.exit(main())
