"""A run killed in any stage, or between two commits of one, and run again yields the tables of an unbroken one."""

import numpy as np
import pytest

from tests.pipeline.conftest import MakeWorkspace
from tests.pipeline.killing import killed_alive, run_to_the_end, running, stage_times
from tests.pipeline.workspace_content import check_equal
from workspace.stages import PARTS

SEED = 20
STAGES = PARTS["everything"]


@pytest.mark.timeout(900)
def test_killed_once_in_every_stage_and_between_two_tables(make_workspace: MakeWorkspace) -> None:
    """Each stage is killed once, at a random share of its time, and one stage between two commits."""
    reference = make_workspace("reference")
    times = stage_times(reference)
    lengths = dict(zip(STAGES, np.diff([times[name] for name in (*STAGES, "end")]), strict=True))
    shares = np.random.default_rng(SEED).uniform(0, 1, len(STAGES))
    for stage, share in zip(STAGES, shares, strict=True):
        print(f"seed {SEED}: {stage} killed after {share * lengths[stage]:.2f} of {lengths[stage]:.2f} s")
        folder = killed_alive(make_workspace, f"killed-{stage}", share * lengths[stage], stage)
        run_to_the_end(folder)
        check_equal(reference, folder)
    folder = make_workspace("between")
    with running(folder) as run:
        specs, products = (folder / "tables" / name / "_delta_log" for name in ("specs", "products"))
        between = run.wait_for(lambda: specs.exists() != products.exists())
        run.kill()
    assert between
    run_to_the_end(folder)
    check_equal(reference, folder)
