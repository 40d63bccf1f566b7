"""Limits of the process that runs a person's SQL."""

import resource
import subprocess
import sys
import threading

import pytest

from m5data.cli.limits import bounded_memory, bounded_time

_TOO_LONG = """
import threading
from m5data.cli.limits import bounded_time
with bounded_time(0.01):
    threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
def test_memory_is_bounded_inside_the_block_alone() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with bounded_memory(1):
        within = resource.getrlimit(resource.RLIMIT_AS)
        with pytest.raises(MemoryError):
            bytearray(2 << 30)
    assert within[0] > 0
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_block_that_takes_too_long_ends_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", _TOO_LONG], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "m5data: sql: the query was stopped after 0.01 s. Narrow it or add a LIMIT.\n"


def test_block_that_ends_in_time_leaves_no_clock_running() -> None:
    with bounded_time(3600.0):
        running = threading.active_count()
    assert threading.active_count() < running
