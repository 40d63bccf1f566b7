"""Where a workspace stands: what is done, pending, failed and why, also while a run is on."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from crawler.pending_work import due_pages, waiting_media, waiting_records
from extract.pending import pending_objects
from m5data.running_stage import RunningStage, running_stage
from m5data.stage import Clock, utc_now
from m5data.workspace import Workspace
from storage import Snapshot
from storage.consistency import is_current

__all__ = ["StageStanding", "Standing", "standing_of"]

_LEDGER = """
SELECT modality, state, count(*) AS products FROM (
    UNPIVOT (SELECT image, caption, specifications, video, audio FROM ledger)
    ON COLUMNS(*) INTO NAME modality VALUE state
) GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""


@dataclass(frozen=True, slots=True)
class StageStanding:
    """One stage."""

    stage: str
    read: int
    kept: int
    dropped: dict[str, int]
    """Reason -> items of its last run."""
    seconds: float
    rate: float | None
    """Items a second of its last run."""
    pending: int | None
    """Items that wait for it now; None: it looks at everything at once."""
    current: bool
    """Whether its inputs are still those of its last run."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A workspace."""

    version: int
    stages: list[StageStanding]
    ledger: list[dict[str, object]]
    running: RunningStage | None
    rate: float | None
    """Items a second of the running stage."""
    expected_end: datetime | None
    """Of the running stage, if it goes on as it went."""


def standing_of(workspace: Workspace, *, clock: Clock = utc_now) -> Standing:
    """Return where a workspace stands, from its tables, state and spools alone; nothing is locked.

    Args:
        workspace: The workspace, at its newest version.
        clock: For what is due, and the expected end.
    """
    snapshot, running, now = workspace.snapshot, running_stage(workspace), clock()
    pending = _pending(workspace, snapshot, now)
    ledger: pa.Table = snapshot.sql(_LEDGER)
    return Standing(
        snapshot.number,
        [_stage(snapshot, name, pending.get(name)) for name in snapshot.stages],
        ledger.to_pylist(),
        running,
        None if running is None else running.rate(now),
        None if running is None else running.expected_end(now),
    )


def _pending(workspace: Workspace, snapshot: Snapshot, now: datetime) -> dict[str, int]:
    store, settings = workspace.store, workspace.settings
    return {
        "crawl": sum(source.new + source.again for source in due_pages(store, settings.crawl, now)),
        "records": waiting_records(store),
        "download": sum(waiting_media(store, snapshot).values()),
        "extract": sum(waiting.count for waiting in pending_objects(store, snapshot, settings.extract)),
    }


def _stage(snapshot: Snapshot, name: str, pending: int | None) -> StageStanding:
    report = snapshot.stages[name].report
    rate = report.read / report.seconds if report.seconds else None
    dropped = dict(report.dropped)
    return StageStanding(
        name, report.read, report.kept, dropped, report.seconds, rate, pending, is_current(snapshot, name)
    )
