"""Running the pipeline in a child process, and killing it at a chosen moment."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from workspace.stages import Part

__all__ = ["KilledRun", "killed_alive", "run_to_the_end", "running", "stage_times"]

DEADLINE_S = 240.0
Place = TypeVar("Place", Path, str)
ROOT = Path(__file__).resolve().parents[2]


class KilledRun:
    """A run in progress that can be killed."""

    def __init__(self, workspace: Path | str, part: Part) -> None:
        self.began = time.monotonic()
        self.alive_when_killed = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.whole_run", str(workspace), part],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def lines(self) -> Iterator[str]:
        """Yield the stages as they begin, then ``end``."""
        while (line := self._lines.get(timeout=DEADLINE_S)) != "":
            yield line.strip()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until the run has ended."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Busy-wait until a condition holds; return False if the run ended first."""
        while self.process.poll() is None:
            if condition():
                return True
        return False

    def kill(self) -> None:
        """Kill the run without any clean-up, as a power cut would."""
        self.alive_when_killed = self.process.poll() is None
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def close(self) -> None:
        """Kill the process if it still runs, and close its pipe."""
        if self.process.poll() is None:
            self.kill()
        self._reader.join(DEADLINE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> None:
        if self.process.stdout is not None:
            for line in self.process.stdout:
                self._lines.put(line)
        self._lines.put("")


@contextmanager
def running(workspace: Path | str, part: Part = "everything") -> Iterator[KilledRun]:
    """Start a run on a folder or URL, and make sure that it has ended when the context exits."""
    run = KilledRun(workspace, part)
    try:
        yield run
    finally:
        run.close()


def killed_alive(make: Callable[[str], Place], name: str, seconds: float, stage: str | None = None) -> Place:
    """Kill a run some seconds after its start, or after a stage began, and return its workspace.

    If a run ends before it is killed, since it was faster than the measured one, another is killed earlier.

    Args:
        make: Makes a workspace of a given name and returns its folder or the URL of its object store.
        name: Prefix of the workspaces' names.
        seconds: Delay before the kill.
        stage: Stage from whose start the delay counts; None: from the run's start.
    """
    for number, moment in enumerate((seconds, seconds / 2, seconds / 8)):
        folder = make(f"{name}-{number}")
        with running(folder) as run:
            if stage is not None:
                next(line for line in run.lines() if line == stage)
            run.wait(moment)
            run.kill()
        if run.alive_when_killed:
            return folder
    raise AssertionError(f"{name}: wanted a run that is killed after {seconds / 8:.2f} s, it always ended before")


def run_to_the_end(workspace: Path | str, part: Part = "everything") -> None:
    """Run the stages of a part; fail unless the run succeeds."""
    with running(workspace, part) as run:
        stages = list(run.lines())
        code = run.process.wait(DEADLINE_S)
    if code or stages[-1] != "end":
        raise AssertionError(f"run of {workspace}: exit {code} after {stages}")


def stage_times(folder: Path, part: Part = "everything") -> dict[str, float]:
    """Run the stages of a part and return the seconds from the run's start until each began, and until the ``end``."""
    with running(folder, part) as run:
        return {line: time.monotonic() - run.began for line in run.lines()}
