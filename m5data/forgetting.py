"""Take-down: one address, product or merchant goes from everything, and stays out.

A plan of what goes is kept first, then the register holds it; then come, each repeatable: segments are
searched and pages of others cleaned, state and tables (in every version) rewritten, records overwritten,
a dataset version committed; exports, certificates, reports, logs and the scheduler's records cut; the
state compacted. The plan goes last. While there is one, whoever begins a stage or a take-down finishes it
first (``finish_forgetting``).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from crawler.takedown import prepare_state
from crawler.tombstones import open_register
from m5data.forget_outputs import cut_certificates, cut_exports, find_certificates, find_exports
from m5data.forget_plan import Plan, Target
from m5data.forget_rest import clean_logs, clean_scheduler, drop_reports, files_naming
from m5data.forget_search import find_target
from m5data.forget_store import cut_store, search_segments
from m5data.receipt import Receipt, write_receipt
from m5data.stage import Clock, utc_now
from m5data.workspace import Workspace
from storage import Store
from storage.files import Layout
from storage.stage import clear_spools
from storage.takedown import Mark, Pending, compact_state

__all__ = ["finish_forgetting", "forget"]


def forget(workspace: Workspace, target: Target, *, dry_run: bool = False, clock: Clock = utc_now) -> Receipt:
    """Take a target out of the workspace and everything made of it, and keep it out.

    What nobody has seen yet is kept out, too. The receipt is kept under ``receipts/`` unless there was
    nothing to remove.

    Args:
        workspace: The workspace, at its newest version.
        target: What is to go.
        dry_run: Remove nothing; the receipt says what would be.
        clock: Source of times.

    Raises:
        WorkspaceError: Another run holds the workspace.
    """
    store = workspace.store
    with store.lock():
        finish_forgetting(workspace, clock=clock)
        plan = find_target(store, target)
        receipt = _foreseen(store, plan)
        if dry_run:
            return receipt
        if receipt.is_empty and not open_register(store).missing(plan.marks):
            return receipt
        Pending(store.root).begin({"plan": plan.model_dump(mode="json"), "receipt": receipt.as_record()})
        return _execute(store, plan, receipt, clock())


def finish_forgetting(workspace: Workspace, *, clock: Clock = utc_now) -> None:
    """Finish a take-down that was killed, if there is one; the workspace's lock is held."""
    pending = Pending(workspace.store.root).read()
    if pending is not None:
        foreseen = Receipt.of_record(pending["receipt"])
        _execute(workspace.store, Plan.model_validate(pending["plan"]), foreseen, clock())


def _foreseen(store: Store, plan: Plan) -> Receipt:
    """Return what a take-down would remove."""
    items, mentions = search_segments(store, plan)
    return Receipt(
        kind=plan.kind,
        digest=plan.digest,
        removed_at=None,
        products=len(plan.products),
        addresses=len(plan.pages) + len(plan.media),
        objects=len(plan.objects),
        rows=dict(plan.rows),
        records=len(items),
        pages=len(mentions),
        exports=find_exports(store, plan, _groups(store, plan)),
        certificates=find_certificates(store.root, plan),
        left=tuple(files_naming(store.root, plan.words)),
    )


def _execute(store: Store, plan: Plan, foreseen: Receipt, now: datetime) -> Receipt:
    """Do what a plan says, and end it."""
    register = open_register(store)
    register.add(store.state, plan.marks, now)
    prepare_state(store.state)
    groups = _groups(store, plan)
    done = cut_store(store, plan, groups, now)
    clear_spools(Layout(store.root))
    cut_exports(store, plan, groups, now)
    cut_certificates(store.root, plan, now)
    receipt = replace(
        foreseen,
        removed_at=now,
        files=done.files,
        state_rows=done.state_rows,
        reports=() if foreseen.is_empty else tuple(drop_reports(store.root)),
        log_lines=clean_logs(store.root, plan.words),
        scheduler_rows=clean_scheduler(store.root, plan.words),
    )
    store.objects.close()
    compact_state(store.root / "state.sqlite")
    if not receipt.is_empty:
        write_receipt(store.root, receipt)
    Pending(store.root).end()
    return receipt


def _groups(store: Store, plan: Plan) -> Mapping[str, str]:
    """Return product -> the name of groups and labels that were called after it: a keyed hash, no id."""
    register = open_register(store)
    return {name: f"removed:{register.digest(Mark('product', name))[:16]}" for name in plan.products}
