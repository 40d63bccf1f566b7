"""A run on a workspace in S3 that is killed at any moment and run again, here or elsewhere, yields the same tables."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from storage.working_copy import WORKING_COPIES, working_copy
from tests.pipeline.conftest import MakeWorkspace
from tests.pipeline.killing import killed_alive, run_to_the_end, stage_times
from tests.pipeline.workspace_content import check_equal
from tests.s3_server import make_bucket, serving_s3
from workspace import Workspace
from workspace.copying import copy_workspace

SEED = 21
MOMENTS = 3
SLOWER = 1.3
"""Factor by which a run on S3 is at least slower than one on a folder."""


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve S3 from a process that is not killed."""
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "copies"))
    with serving_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        make_bucket(environment, "bucket")
        yield "s3://bucket"


@pytest.mark.timeout(900)
def test_killed_at_moments_of_a_run_on_s3(make_workspace: MakeWorkspace, bucket: str) -> None:
    """Moments are uniform over the run's time; every other kill removes the working copy, as on a new machine."""
    reference = make_workspace("reference")
    times = stage_times(reference)
    moments = np.random.default_rng(SEED).uniform(0, SLOWER * times["end"], MOMENTS)
    print(f"seed {SEED}: killed after {np.round(moments, 2)} s")

    def make(name: str) -> str:
        copy_workspace(Workspace.open(make_workspace(f"start-{name}")), working_copy(f"{bucket}/{name}"))
        return f"{bucket}/{name}"

    for number, moment in enumerate(moments):
        address = killed_alive(make, f"killed-{number}", moment)
        folder = working_copy(address)
        if number % 2 == 0:
            shutil.rmtree(folder)
        run_to_the_end(address)
        shutil.rmtree(folder)
        check_equal(reference, working_copy(address))
