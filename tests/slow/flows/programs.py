"""Runs of the program on a workspace, and their outcomes."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.tables import TABLES
from workspace import Workspace

__all__ = ["PROGRAM", "Ended", "copy_workspace", "run_verb", "table_rows"]

PROGRAM = str(Path(sys.executable).parent / "m5data")
_DEADLINE_S = 60.0
_HANG_S = 300.0
"""Seconds after which a verb counts as hanging; on a busy machine it may take longer than ``_DEADLINE_S``."""


@dataclass(frozen=True)
class Ended:
    """Outcome of a program."""

    code: int
    message: str
    """Last line on standard error."""
    seconds: float
    traceback: bool

    @property
    def is_good(self) -> bool:
        """Whether it failed as required: with an exit code of 1 or 2, without a traceback, in time."""
        return self.code in {1, 2} and not self.traceback and self.seconds < _DEADLINE_S


def run_verb(
    verb: str, workspace: Path, words: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a verb of the program, and return its outcome."""
    began = time.perf_counter()
    env = {**os.environ, **(environment or {})}
    command = [*words, PROGRAM, *verb.split(), "-w", str(workspace)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_HANG_S, env=env)
    except subprocess.TimeoutExpired:
        return Ended(124, "did not end", time.perf_counter() - began, traceback=False)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return Ended(
        done.returncode,
        lines[-1] if lines else "",
        time.perf_counter() - began,
        "Traceback (most recent" in done.stderr,
    )


def table_rows(workspace: Path) -> dict[str, list[dict[str, object]]]:
    """Return the rows of every table without observed columns; for objects, only their hashes."""
    opened = Workspace.open(workspace)
    return {
        name: opened.table(name)
        .select(["sha256"] if name == "objects" else [c.name for c in spec.columns if not c.observed])
        .to_pylist()
        for name, spec in TABLES.items()
    }


def copy_workspace(source: Path, target: Path) -> None:
    """Copy a workspace without the shops, which are served from elsewhere, except their judgements."""
    shutil.copytree(source, target, ignore=lambda path, names: _left_out(source, path, names))


def _left_out(source: Path, path: str, names: list[str]) -> list[str]:
    return [name for name in names if name != "judgements.csv"] if Path(path) == source / "shops" else []
