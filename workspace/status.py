"""Status of a workspace: what is done, pending and failed, and why; readable during a run."""

from dataclasses import dataclass, field
from datetime import datetime

from core.stage import Clock, utc_now
from crawler.pending_work import PendingPages, due_pages
from storage import Snapshot
from storage.consistency import is_current
from workspace import Workspace
from workspace.dry_run import Outlook
from workspace.progress import RunningStage, running_stage
from workspace.stages import PARTS, STAGES, resolve

__all__ = ["LEDGER_BY_MODALITY", "StageStatus", "Status", "status_of"]

LEDGER_BY_MODALITY = """
SELECT modality, state, count(*) AS products FROM (
    UNPIVOT (SELECT image, caption, specifications, video, audio FROM ledger)
    ON COLUMNS(*) INTO NAME modality VALUE state
) GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Status of one stage."""

    stage: str
    read: int
    kept: int
    dropped: dict[str, int]
    """Reason -> items of its last run."""
    seconds: float
    rate: float | None
    """Items per second of its last run."""
    pending: int | None
    """Items that wait for it now; None: it always processes the whole dataset."""
    current: bool
    """Whether its inputs are still those of its last run."""
    notes: tuple[str, ...] = ()
    """Notes of its last run: what settings left out, and warnings."""
    ran: bool = True
    """False: it never ran."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Reason -> parts left out of items that it kept."""


@dataclass(frozen=True, slots=True)
class Status:
    """Status of a workspace."""

    version: int
    stages: list[StageStatus]
    """Stages of a run in pipeline order, including those that never ran; then other changes to the workspace."""
    pages: list[PendingPages]
    """Stored and due pages of each source, also after an interrupted crawl."""
    ledger: list[dict[str, object]]
    running: RunningStage | None
    rate: float | None
    """Items per second of the running stage."""
    expected_end: datetime | None
    """Expected end of the running stage, at its rate so far."""


def status_of(workspace: Workspace, *, clock: Clock = utc_now) -> Status:
    """Return the status of a workspace from its tables, state and spools; nothing is locked.

    Args:
        workspace: The workspace, at its newest version.
        clock: Source of the time for due pages and the expected end.
    """
    snapshot, running, now = workspace.snapshot, running_stage(workspace), clock()
    outlook = Outlook(workspace, snapshot, now, estimate=False)
    return Status(
        snapshot.number,
        [_stage(outlook, name) for name in sorted({*snapshot.stages, *PARTS["everything"]}, key=_place)],
        due_pages(workspace.store, workspace.settings.crawl, now),
        snapshot.sql(LEDGER_BY_MODALITY).to_pylist(),
        running,
        None if running is None else running.rate(now),
        None if running is None else running.expected_end(now),
    )


def _place(name: str) -> tuple[int, str]:
    """Return the sort key of a recorded stage; an ingest is recorded under its source, ``ingest-NAME``."""
    order = list(STAGES)
    known = name if name in STAGES else name.partition("-")[0]
    return (order.index(known) if known in STAGES else len(order), name)


def _stage(outlook: Outlook, name: str) -> StageStatus:
    snapshot: Snapshot = outlook.snapshot
    spec, record = STAGES.get(name), snapshot.stages.get(name)
    pending = None
    if spec is not None and spec.pending is not None:
        pending = sum(line.count for line in resolve(spec.pending)(outlook))
    if record is None:
        return StageStatus(name, 0, 0, {}, 0.0, None, pending, current=False, ran=False)
    report = record.report
    rate = report.read / report.seconds if report.seconds else None
    current, dropped = is_current(snapshot, name), dict(report.dropped)
    left_out = dict(report.left_out)
    return StageStatus(
        name, report.read, report.kept, dropped, report.seconds, rate, pending, current, report.notes, left_out=left_out
    )
