"""Long runs of the fuzzers: many more random inputs than in the fast tests, with a new seed each day.

Each runs in a separate process, with ``M5DATA_FUZZ`` inputs from the seed ``M5DATA_SEED``, which is printed.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

RUNS = {
    "tests/m5data/test_settings_fuzzer.py": 2_000,
    "tests/webapp/test_request_fuzzer.py": 5_000,
    "tests/extract/test_mutations.py": 5_000,
}
"""Test file -> random inputs for each of its tests."""


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("file", "count"), RUNS.items())
def test_many_more_random_inputs_are_no_trouble(file: str, count: int) -> None:
    seed = os.environ.get("M5DATA_SEED", f"{datetime.now(UTC):%Y%m%d}")
    print(f"{file}: {count:,} inputs, seed {seed}")
    environment = {**os.environ, "M5DATA_FUZZ": str(count), "M5DATA_SEED": seed}
    words = [sys.executable, "-m", "pytest", "-q", "-s", "--timeout", "7000", "-p", "no:cacheprovider", file]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
