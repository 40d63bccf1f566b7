"""Removal of old dataset versions, and of files and objects that only they used."""

from core.engine import open_engine
from core.stage import Clock, StageReport, utc_now
from export.registry import exported_versions
from storage import Store
from storage.erasure import finish_erasing
from storage.objects.writer import object_rows
from storage.orphans import find_orphans, remove_orphans
from storage.vacuum import (
    Findings,
    Keeping,
    choose_versions,
    count_findings,
    find_stale_files,
    remove_stale_files,
)
from storage.versions import VersionRecord
from takedown.forget import finish_takedown
from workspace import Workspace
from workspace.settings import StoreSettings

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
    store = workspace.store
    with store.lock():
        if not dry_run:
            finish_takedown(store, clock=clock)
            finish_erasing(store.root, clock())
        findings = _find(store, workspace.settings.store, clock)
        if dry_run:
            return findings
        remove_stale_files(store.root, findings.files)
        if findings.objects:
            remove_orphans(store.root, store.objects, findings.objects, clock())
            _publish(store, len(findings.objects))
        return findings


def _find(store: Store, settings: StoreSettings, clock: Clock) -> Findings:
    versions = store.versions()
    keeping = Keeping(settings.keep_versions, settings.keep_days)
    kept = choose_versions(
        versions, keeping, clock(), exported_versions(store), lambda version: _built_from(store, version)
    )
    files = find_stale_files(store.root, versions, kept)
    snapshots = [store.snapshot(number) for number in sorted(kept)]
    orphans = find_orphans(store.root, store.objects, snapshots)
    return Findings(kept, files, orphans, count_findings(files, orphans))


def _built_from(store: Store, version: VersionRecord) -> list[int]:
    """Return the versions that the splits of a version were built from."""
    if "recipes" not in version.tables:
        return []
    rows = store.snapshot(version.number).table("recipes", ["version"])
    return [int(number) for number in rows["version"].to_pylist()]


def _publish(store: Store, removed: int) -> None:
    """Commit a version whose table ``objects`` no longer lists the removed ones."""
    with store.stage("vacuum", settings="") as stage, open_engine() as engine:
        stage.write("objects", engine.from_arrow(object_rows(store.objects.index, upto=stage.before.record.indexed)))
        stage.commit(StageReport("vacuum", removed, removed))
