"""Overhead of the flow over plain calls of the same functions, without Prefect's own start.

    python -m bench.flows.overhead [--size demo | --ingested WORKSPACE] [--rounds 1]

Runs the demo in a new workspace, once by plain calls under the workspace's lock, and once by the flow with a Prefect
server that is already running; the shops are the same. With a workspace filled by ``m5data ingest``, runs copies of it
instead, without media. Target for a run of two minutes: at most 3 %.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from core.run_options import RunContext, RunOptions, without_media
from flows.run_stage import run_stage
from flows.running import quiet
from tests.slow.flows.demo_shop import demo_shop
from workspace import Workspace
from workspace.stages import stages_of


def main() -> int:
    """Time both ways and print the difference."""
    parser = argparse.ArgumentParser(description="The flow against plain calls.")
    parser.add_argument("--size", choices=("tiny", "demo"), default="demo")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--shops", type=Path, help="folder that keeps the shops for another time")
    parser.add_argument("--ingested", type=Path, help="workspace filled by m5data ingest; it is copied, not changed")
    chosen = parser.parse_args()
    quiet()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ["PREFECT_HOME"] = str(Path(folder) / "home")
        media = chosen.ingested is None
        flow, plainly = _flow(stack, Path(folder), media=media), partial(_plain, media=media)
        make = partial(shutil.copytree, chosen.ingested) if chosen.ingested else _demo(stack, Path(folder), chosen)
        plain, flowed = [], []
        for number in range(chosen.rounds):
            plain.append(_run(make, Path(folder) / f"plain{number}", plainly))
            flowed.append(_run(make, Path(folder) / f"flow{number}", flow))
    one, other = median(plain), median(flowed)
    print(f"plain calls {one:.2f} s {plain}, flow {other:.2f} s {flowed}: {other / one - 1:+.1%} (target <= 3 %)")
    return 0 if other <= one * 1.03 else 1


def _demo(stack: ExitStack, folder: Path, chosen: argparse.Namespace) -> Callable[[Path], object]:
    """Serve the demo's shops, warm up with one run, and return a function that creates an empty workspace of them."""
    shops: Path = chosen.shops or folder / "shops"
    stack.enter_context(demo_shop(shops, chosen.size))

    def make(workspace: Path) -> None:
        workspace.mkdir()
        shutil.copytree(shops / "shops", workspace / "shops")
        Workspace.create(workspace, (shops / "m5data.toml").read_text(encoding="utf-8"))

    _run(make, folder / "warm", _plain)
    return make


def _flow(stack: ExitStack, folder: Path, *, media: bool) -> Callable[[Path], None]:
    """Start Prefect, and return a function that runs the flow."""
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 - reads the environment

    from flows.pipeline import everything  # noqa: PLC0415
    from flows.prefect_server import api_url  # noqa: PLC0415

    url = stack.enter_context(api_url(folder / "prefect"))
    stack.enter_context(temporary_settings({PREFECT_API_URL: url}))

    def run(workspace: Path) -> None:
        everything(str(workspace), media=media)

    return run


def _plain(workspace: Path, *, media: bool = True) -> None:
    opened = Workspace.open(workspace)
    context = RunContext(options=without_media(RunOptions(), media=media))
    with opened.store.lock():
        for name in stages_of("everything", media=media):
            run_stage(opened, name, context)


def _run(make: Callable[[Path], object], workspace: Path, work: Callable[[Path], None]) -> float:
    """Create a workspace, time the work on it, and remove it."""
    make(workspace)
    began = time.perf_counter()
    work(workspace)
    took = round(time.perf_counter() - began, 2)
    shutil.rmtree(workspace)
    return took


if __name__ == "__main__":
    sys.exit(main())
