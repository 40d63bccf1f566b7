"""A take-down killed with SIGKILL at random file events: the next stage or take-down finishes it."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.run_options import RunContext
from flows.run_stage import run_stage
from splits.takedown import recorded_digests
from takedown.forget import forget
from takedown.plan import Target
from tests.m5data.marker_search import places_with
from tests.takedown.planted import MERCHANT, NAMES, WORDS, now
from workspace import Workspace

MOMENTS = 20
SEED = 20260301
OTHERS = [f"shop:{name}" for name in NAMES if name != "k7"]


def run_process(folder: Path, kill: int) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "tests.takedown.forget_process", str(folder), str(kill)]
    root = Path(__file__).parents[3]
    return subprocess.run(arguments, cwd=root, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def events(planted_once: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    copy = tmp_path_factory.mktemp("unbroken") / "workspace"
    shutil.copytree(planted_once, copy)
    return int(run_process(copy, -1).stdout)


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_killed_at_any_moment_the_next_one_finishes_it(folder: Path, events: int, moment: int) -> None:
    generator = random.Random(SEED + moment)
    event = int(events * (moment + generator.random()) / MOMENTS)
    print(f"seed {SEED + moment}: killed at file event {event} of {events}")
    assert run_process(folder, event).returncode == -9
    workspace = Workspace.open(folder)
    if moment % 2 and (folder / "takedown.pending").exists():
        run_stage(workspace, "records", RunContext(clock=now))
    else:
        forget(workspace.store, Target("merchant", MERCHANT), clock=now)
    assert places_with(folder, WORDS) == []
    workspace = Workspace.open(folder)
    assert workspace.table("products")["product_id"].to_pylist() == OTHERS
    assert list(workspace.store.verify_objects()) == []
    wanted, got = recorded_digests(workspace.snapshot, ["planted"])["planted"]
    assert wanted == got
