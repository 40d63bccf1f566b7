"""Every verb that writes, killed with SIGKILL at random moments and run again, yields the same content, no leftovers.

``M5DATA_KILLS`` sets the number of kills per verb, ``M5DATA_SEED`` the seed of their moments.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.slow.pipeline.verbs import VERBS, Verb, copied, results
from tests.slow.pipeline.warm import WarmProgram

KILLS = int(os.environ.get("M5DATA_KILLS", "18"))
SEED = int(os.environ.get("M5DATA_SEED", "20261123"))
_SHORTEST_S = 0.02


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", VERBS)
def test_a_verb_that_was_killed_is_run_again(
    start_of: Callable[[Verb], Path], program: WarmProgram, tmp_path: Path, name: str
) -> None:
    verb, choose = VERBS[name], random.Random(f"{SEED} {name}")
    start = start_of(verb)
    whole = copied(start, tmp_path / "whole")
    unbroken = program.run(*verb.on(whole))
    assert unbroken.code in verb.codes, unbroken
    expected = results(whole)
    assert expected[2] == []
    struck = 0
    for number in range(KILLS):
        folder = copied(start, tmp_path / str(number))
        process = program.start(*verb.on(folder))
        process.join(choose.uniform(_SHORTEST_S, unbroken.seconds))
        if process.exitcode is None:
            process.kill()
            struck += 1
        process.join()
        again = program.run(*verb.on(folder))
        assert again.code in verb.codes, (name, SEED, number, again)
        assert results(folder) == expected, (name, SEED, number)
        shutil.rmtree(folder.parent)
    print(f"{name}: {KILLS} kills within {unbroken.seconds:.2f} s, {struck} struck a live process")
