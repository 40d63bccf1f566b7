"""A run that is killed at any moment and run again yields the tables of an unbroken one."""

import numpy as np
import pytest

from tests.pipeline.conftest import MakeWorkspace
from tests.pipeline.killing import killed_alive, run_to_the_end, stage_times
from tests.pipeline.workspace_content import check_equal

SEED = 20
MOMENTS = 9


@pytest.mark.timeout(900)
def test_killed_at_moments_of_the_whole_run(make_workspace: MakeWorkspace) -> None:
    """Nine moments are uniform over the run's time."""
    reference = make_workspace("reference")
    times = stage_times(reference)
    moments = np.random.default_rng(SEED).uniform(0, times["end"], MOMENTS)
    print(f"seed {SEED}: killed after {np.round(moments, 2)} of {times['end']:.2f} s")
    for number, moment in enumerate(moments):
        folder = killed_alive(make_workspace, f"killed-{number}", moment)
        run_to_the_end(folder)
        check_equal(reference, folder)
