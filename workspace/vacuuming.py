"""Removal of old dataset versions, and of files and objects that only they used."""

from core.stage import Clock, utc_now
from export.registry import exported_versions
from storage.erasure import finish_erasing
from storage.vacuum import Findings, Keeping, find_unneeded, remove_unneeded
from takedown.forget import finish_takedown
from workspace import Workspace

__all__ = ["vacuum"]


def vacuum(workspace: Workspace, *, dry_run: bool = False, clock: Clock = utc_now) -> Findings:
    """Remove everything that no kept dataset version needs: table files, log entries, objects, drafts.

    The newest and young versions are kept (by setting), as are those that the last export to each folder came from
    and those that splits of a kept version were built from. If it is killed at any instant, every kept version can be
    read as before, and a second vacuum finishes it.

    Args:
        workspace: The workspace.
        dry_run: Remove nothing; report what would be removed.
        clock: Source of times.

    Raises:
        WorkspaceError: Another run holds the workspace.
    """
    store, kept = workspace.store, workspace.settings.store
    with store.lock():
        if not dry_run:
            finish_takedown(store, clock=clock)
            finish_erasing(store.root, clock())
        keeping = Keeping(kept.keep_versions, kept.keep_days)
        findings = find_unneeded(store, keeping, exported_versions(store), clock())
        if not dry_run:
            remove_unneeded(store, findings, clock())
        return findings
