"""The stage that runs now, as it is written down beside the logs for whoever asks meanwhile."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from m5data.workspace import Workspace
from storage.lock import holder_of

__all__ = ["PROGRESS_FILE", "RunningStage", "running_stage"]

PROGRESS_FILE = Path("logs") / "progress.json"


@dataclass(frozen=True, slots=True)
class RunningStage:
    """A stage and how far it is."""

    run: str
    """Name of the run; empty: it has none."""
    stage: str
    process: int
    began: datetime
    """When it began to count, UTC."""
    total: int | None
    """Items to be done; None: not known."""
    done: int

    def of(self, total: int | None, now: datetime) -> "RunningStage":
        """Return it at the beginning of ``total`` items."""
        return replace(self, began=now, total=total, done=0)

    def after(self, items: int) -> "RunningStage":
        """Return it with ``items`` more done."""
        return replace(self, done=self.done + items)

    def rate(self, now: datetime) -> float | None:
        """Return items a second so far; None: too early to say."""
        seconds = (now - self.began).total_seconds()
        return self.done / seconds if self.done and seconds > 0 else None

    def expected_end(self, now: datetime) -> datetime | None:
        """Return when it ends if it goes on as it went; None: that cannot be said."""
        rate = self.rate(now)
        return None if rate is None or self.total is None else now + timedelta(seconds=(self.total - self.done) / rate)

    def as_record(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "run": self.run,
            "stage": self.stage,
            "process": self.process,
            "began": self.began.isoformat(),
            "total": self.total,
            "done": self.done,
        }


def running_stage(workspace: Workspace) -> RunningStage | None:
    """Return the stage that runs now; None: none does, or it has not begun to count."""
    try:
        data = json.loads((workspace.root / PROGRESS_FILE).read_bytes())
    except FileNotFoundError:
        return None
    found = RunningStage(**{**data, "began": datetime.fromisoformat(data["began"])})
    return found if holder_of(workspace.root) == found.process else None
