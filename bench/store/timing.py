"""Wall-clock time and peak memory of commands in separate processes."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Run", "run_command"]


@dataclass(frozen=True, slots=True)
class Run:
    """Output and cost of one command."""

    seconds: float
    peak: float
    """Peak resident memory, GB."""
    output: str


def run_command(arguments: Sequence[str]) -> Run:
    """Run ``m5data`` with arguments and return its cost, start included.

    Raises:
        SystemExit: The command failed.
    """
    began = time.perf_counter()
    command = [str(Path(sys.executable).parent / "m5data"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)}: ended with {process.returncode}")
    return Run(time.perf_counter() - began, usage.ru_maxrss / 2**20, output)
