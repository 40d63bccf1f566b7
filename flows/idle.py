"""A look at whether a run would do anything, before a scheduler is started for it."""

from dataclasses import replace

from crawler.pending_work import due_pages
from flows.run_stage import call_stage
from m5data.run_options import RunContext
from m5data.stage import StageReport
from m5data.stages import STAGES
from m5data.workspace import Workspace
from storage import WorkWaitsError, looking
from takedown.forget import PENDING

__all__ = ["idle_reports"]


def idle_reports(workspace: Workspace, names: tuple[str, ...], context: RunContext) -> list[StageReport] | None:
    """Return the last reports of stages that all have nothing to do; None if one of them may have work.

    Args:
        workspace: The workspace.
        names: The stages, in their order.
        context: Options of the run.
    """
    if (workspace.root / PENDING).exists():
        return None
    try:
        with workspace.store.lock(), looking():
            reports = [
                _crawled(workspace, context) if name == "crawl" else call_stage(STAGES[name], workspace, context)
                for name in names
            ]
    except WorkWaitsError:
        return None
    return reports if all(report.unchanged for report in reports) else None


def _crawled(workspace: Workspace, context: RunContext) -> StageReport:
    """Return the last crawl's report if no page is due.

    Raises:
        WorkWaitsError: A page is due, or a source has none yet.
    """
    settings, store = workspace.settings.crawl, workspace.store
    last = store.snapshot().stages.get("crawl")
    due = due_pages(store, settings, context.clock())
    if last is None or last.settings != settings.digest() or any(s.new or s.again or not s.stored for s in due):
        raise WorkWaitsError("crawl")
    return replace(last.report, unchanged=True)
