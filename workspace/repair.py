"""Repair of a workspace: rebuild what can be rebuilt, and report the rest.

Nothing is deleted: files that cannot be read are moved to the folder ``damaged`` of the workspace.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

from annotate.judgement_state import save_judgements
from annotate.judgements import Judgement
from core.errors import CorruptObjectError, M5DataError, UsageError, WorkspaceError
from core.files import replace_file, sync_folder
from core.paths import is_file_name
from core.small_files import check, read_json
from core.stage import Clock, StageReport, utc_now
from core.stage_settings import read_settings
from core.version import __version__
from crawler.pending_work import forget_read
from crawler.rebuild_state import rebuild_frontiers
from storage import StageRecord, Store
from storage.files import Layout
from storage.frontiers import Frontiers
from storage.identity import FORMAT, KEY_FILE, Identity, fingerprint_of, identity_path, write_identity
from storage.inside import check_links
from storage.integrity import Damage, damaged_tables, find_damage, surviving_files
from storage.lock import WriterLock, wait_for_children
from storage.objects.rebuild import rebuild_index
from storage.remote_workspace import RemoteWorkspace
from storage.state import State
from storage.tables import TABLES
from storage.tables.delta import DeltaLog
from storage.versions import VersionRecord, read_version, version_numbers, version_path, write_version
from takedown.register import REGISTER, copy_fault, key_fault, restore_register, write_copy
from workspace import SETTINGS_FILE
from workspace.settings import Settings
from workspace.stages import STAGES

__all__ = ["Repair", "repair"]

_DAMAGED = "damaged"
_STAGE = "repair"
_LOST: Mapping[str, str] = MappingProxyType(
    {
        "annotation_tasks": "annotation tasks: run m5data annotate tasks again",
        "annotation_workers": "workers' links and pay: make links with m5data annotate links",
        "annotation_work": "answers since the last m5data annotate aggregate, and leases",
        "align_decisions": "decisions of label reviews: apply the sheets again with m5data align apply",
        "webapp_reviewers": "links of reviewers and managers: make them with m5data annotate links --reviewer",
    }
)
"""Tables of the state that exist nowhere else -> the loss, and its remedy."""
_READ_PAGES = frozenset({"products", "specs", "media"})


@dataclass(frozen=True, slots=True)
class Repair:
    """One fault of a workspace, and its repair."""

    what: str
    result: str
    """The repair that is made, or that a person must make."""
    possible: bool = True
    """False: it cannot be repaired from the remaining data."""


def repair(root: Path, *, dry_run: bool = False, clock: Clock = utc_now) -> list[Repair]:
    """Rebuild as much of a damaged workspace as possible, and return its faults.

    If it is killed at any instant, it can be run again.

    Args:
        root: The workspace's folder.
        dry_run: Change nothing; report what would be done.
        clock: Source of times.

    Raises:
        WorkspaceError: The folder is not a workspace, has a link in place of its files, or another run holds it.
        UsageError: It is the working copy of an object store.
    """
    root = root.absolute()
    home = RemoteWorkspace.of(root)
    if home is not None:
        raise UsageError(f"repair: {home.url}: remove the working copy {root}; the next command fetches it again")
    if not (root / SETTINGS_FILE).is_file():
        raise WorkspaceError(f"{root}: not a workspace (it has no {SETTINGS_FILE}). Restore that file first.")
    check_links(root)
    layout = Layout(root)
    with WriterLock(layout, lambda: wait_for_children(layout), lambda: None).hold():
        job = _Job(layout, list(find_damage(root)), clock, dry_run=dry_run)
        lines = list(job.run())
        if not dry_run:
            layout.repair.unlink(missing_ok=True)
    if job.is_new or job.lacks_index():
        store = Store.open(root, clock=clock)
        with store.stage(_STAGE, settings="") as stage:  # publishes the index of objects as a table
            stage.commit(StageReport(_STAGE, 0, 0))
        store.objects.close()
    return lines


class _Job:
    """One repair, whose steps run in the order of their dependencies."""

    def __init__(self, layout: Layout, found: Collection[Damage], clock: Clock, *, dry_run: bool) -> None:
        self._layout = layout
        self._found = [*found, *_interrupted(layout)]
        self._clock = clock
        self._dry_run = dry_run
        self._state = State(layout.state)
        self.is_new = False
        """Whether a dataset version was written."""

    def lacks_index(self) -> bool:
        """Return whether a repair was killed between its version and the one that publishes the index of objects."""
        record = self._newest()
        if self._dry_run or record is None or record.indexed or _STAGE not in record.stages:
            return False
        with closing(Store.open(self._layout.root).objects) as objects:
            return objects.index.last() > 0

    def run(self) -> Iterator[Repair]:
        yield from self._identity()
        yield from self._versions()
        yield from self._restore_state()
        yield from self._restore_frontiers()
        yield from self._register()
        yield from self._segments()
        yield from self._tables(index_is_new=bool(self._of("index")))
        if not self._dry_run and self._of("state", "frontier"):
            yield from self._fill()

    def _of(self, *kinds: str) -> list[Damage]:
        return [damage for damage in self._found if damage.kind in kinds]

    def _identity(self) -> Iterator[Repair]:
        path, key = identity_path(self._layout.root), self._layout.root / KEY_FILE
        for damage in self._of("identity"):
            if key.exists() and (fault := key_fault(self._layout.root, key.read_bytes())):
                yield Repair(damage.detail, fault, possible=False)
                continue
            yield Repair(damage.detail, f"written again; {KEY_FILE} counts as the right key")
            if not self._dry_run:
                if path.exists():
                    self._set_aside(path)
                mark = fingerprint_of(key.read_bytes()) if key.exists() else None
                write_identity(self._layout.root, Identity(FORMAT, mark))
        for damage in self._of("key"):
            yield Repair(damage.detail, "a key cannot be made again", possible=False)

    def _versions(self) -> Iterator[Repair]:
        """Set aside unreadable version records, and rebuild the newest from the tables."""
        numbers = version_numbers(self._layout)
        bad = [number for number in numbers if _read(self._layout, number) is None]
        for number in sorted(set(bad) - set(numbers[-1:])):
            yield Repair(
                f"{version_path(self._layout, number)}: damaged", "moved to damaged/; no older version is needed"
            )
            if not self._dry_run:
                self._set_aside(version_path(self._layout, number))
        if numbers and numbers[-1] not in bad:
            return
        record = self._version_of_tables(numbers, bad)
        path = version_path(self._layout, record.number)
        yield Repair(f"{path}: missing or damaged", f"made again from the logs of {len(record.tables)} tables")
        if not self._dry_run:
            if path.exists():
                self._set_aside(path)
            self._layout.versions.mkdir(exist_ok=True)
            write_version(self._layout, record)

    def _version_of_tables(self, numbers: list[int], bad: list[int]) -> VersionRecord:
        """Return a record of the newest version of every table, with the stages of the last readable record."""
        sound = [number for number in numbers if number not in bad]
        if sound:
            before = read_version(self._layout, sound[-1])
        else:
            settings = read_settings(self._layout.root / SETTINGS_FILE, Settings)
            before = VersionRecord(0, None, None, settings.store.buckets)
        heads = {name: DeltaLog(self._layout.table(name), spec).head() for name, spec in TABLES.items()}
        tables = {name: head for name, head in heads.items() if head is not None}
        number = numbers[-1] if numbers else int(bool(tables))
        created = self._clock() if number else None
        parent = before.number if number else None
        return replace(before, number=number, parent=parent, created=created, tables=tables)

    def _restore_state(self) -> Iterator[Repair]:
        """Replace a damaged state, index of objects or download queue; the tables refill what they hold of it."""
        lost, index = self._of("state"), self._of("index")
        for damage in lost:
            yield Repair(damage.detail, "made again from the tables; the rest comes from a backup alone")
        for damage in index:
            yield Repair(damage.detail, "the index of objects is made again from the segments")
        for damage in self._of("downloads"):
            yield Repair(damage.detail, "the queue of downloads is made again from the tables where it is needed")
            if not self._dry_run:
                self._set_aside_database(self._layout.downloads)
        if self._dry_run:
            return
        if lost:
            self._note({"state": True})
            self._set_aside_database(self._layout.state)
            self._state.create()
        if index:
            self._set_aside_database(self._layout.index)
            record = self._newest()
            for scan in rebuild_index(self._layout, record.indexed if record else 0):
                note = f"; {scan.unread:,} bytes at its end are no record" if scan.unread else ""
                what = f"{scan.objects:,} objects indexed{note}"
                yield Repair(f"objects/{scan.name}", what, possible=not scan.unread)

    def _restore_frontiers(self) -> Iterator[Repair]:
        """Replace damaged frontiers with empty ones; a journal names them until they are filled."""
        for damage in self._of("frontier"):
            again = "pages of products are entered from the tables; a crawl finds the others again"
            yield Repair(damage.detail, again if is_file_name(damage.name) else "taken off the list of frontiers")
        if self._dry_run:
            return
        frontiers = Frontiers(self._layout.root, self._state)
        found = sorted({damage.name for damage in self._of("frontier")})
        for name in found:
            if not is_file_name(name):
                frontiers.unname(name)
        names = [name for name in found if is_file_name(name)]
        if names:
            self._note({"frontiers": names})
        for name in names:
            path = self._layout.frontiers / f"{name}.sqlite"
            if State(path).damage() is not None:
                self._set_aside_database(path)
                path.parent.mkdir(exist_ok=True)
                State(path).create()
        if self._of("state"):
            names = [path.stem for path in self._layout.frontiers.glob("*.sqlite")]
        for name in names:
            frontiers.name(name)

    def _note(self, what: Mapping[str, object]) -> None:
        """Add to the journal of this repair; if it is killed, the next one continues from the journal."""
        replace_file(self._layout.repair, json.dumps({**_journal(self._layout), **what}).encode())

    def _set_aside_database(self, path: Path) -> None:
        for one in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"), path):
            if one.exists():
                self._set_aside(one)

    def _fill(self) -> Iterator[Repair]:
        """Refill a damaged state and frontiers from the tables, and report what is lost."""
        store = Store.open(self._layout.root, clock=self._clock)
        yield _refill("frontiers", "pages of products", lambda: rebuild_frontiers(store, store.snapshot()))
        if self._of("state"):
            yield _refill("state: judgements", "judgements", lambda: _save_judgements(store, self._clock()))
            for name, what in _LOST.items():
                yield Repair(f"state: {name}", f"lost unless a backup has it: {what}", possible=False)
        store.objects.close()

    def _register(self) -> Iterator[Repair]:
        """Merge both copies of the register of take-downs: each gets the other's entries."""
        path = self._layout.root / REGISTER
        fault = None if self._dry_run and self._of("state") else copy_fault(self._state)
        if fault is None:
            return
        yield Repair(fault, "both copies get what either has")
        if self._dry_run:
            return
        try:
            restore_register(self._state)
        except CorruptObjectError:
            self._set_aside(path)
        write_copy(self._state)

    def _segments(self) -> Iterator[Repair]:
        for damage in self._of("segment"):
            yield Repair(damage.detail, "bytes cannot be made again: restore the file", possible=False)

    def _tables(self, *, index_is_new: bool) -> Iterator[Repair]:
        """Write a version without the lost files; the stages that wrote them run again."""
        record = self._newest()
        if record is None:
            return
        lost = {damage.name: damage for damage in damaged_tables(self._layout, record)}
        for name, damage in lost.items():
            yield Repair(damage.detail, _remade(name))
        if (not lost and not index_is_new) or self._dry_run:
            return
        tables = {name: self._without_lost(name, record) if name in lost else v for name, v in record.tables.items()}
        indexed = record.indexed
        if index_is_new or "objects" in lost:  # the next commit publishes the whole index
            indexed = 0
            if tables.get("objects") is not None:
                tables["objects"] = DeltaLog(self._layout.table("objects"), TABLES["objects"]).converge(
                    (), self._clock()
                )
        kept = {name: version for name, version in tables.items() if version is not None}
        number = record.number + 1
        report = StageReport(_STAGE, len(lost), len(lost))
        stages = {
            **{
                name: _stale(name, stage, lost) for name, stage in record.stages.items() if not _starts_anew(name, lost)
            },
            _STAGE: StageRecord("", "", {}, report, number, __version__),
        }
        if _READ_PAGES & set(lost):
            store = Store.open(self._layout.root, clock=self._clock)
            forget_read(store, None, None, dry_run=False)
        moment = self._clock()
        new = replace(record, number=number, parent=record.number, created=moment, indexed=indexed, tables=kept)
        write_version(self._layout, replace(new, stages=stages))
        self.is_new = True

    def _without_lost(self, name: str, record: VersionRecord) -> int | None:
        """Return a version of a table without its lost files; None if its log is lost and the table was set aside."""
        left = surviving_files(self._layout, name, record.tables[name])
        log = DeltaLog(self._layout.table(name), TABLES[name])
        if left is not None:
            return log.converge(left, self._clock())
        if self._layout.table(name).exists():
            self._set_aside(self._layout.table(name))
        return None

    def _newest(self) -> VersionRecord | None:
        numbers = version_numbers(self._layout)
        return _read(self._layout, numbers[-1]) if numbers else None

    def _set_aside(self, path: Path) -> Path:
        """Move a file or folder to ``damaged``, under a free name, and return its new path."""
        folder = self._layout.root / _DAMAGED
        folder.mkdir(exist_ok=True)
        number = 0
        while (target := folder / f"{path.name}.{number}").exists():
            number += 1
        path.rename(target)
        sync_folder(folder)
        sync_folder(path.parent)
        return target


def _interrupted(layout: Layout) -> list[Damage]:
    """Return the damage that an interrupted repair had begun to repair."""
    noted = _journal(layout)
    again = f"{layout.repair}: a repair was interrupted; it begins again"
    frontiers = [Damage("frontier", name, again) for name in noted.get("frontiers", ())]
    return [*([Damage("state", "", again)] if "state" in noted else []), *frontiers]


def _journal(layout: Layout) -> dict[str, Any]:
    """Return the unfinished work of a repair: whether the state is to be filled, and names of frontiers."""
    if not layout.repair.exists():
        return {}
    return read_json(layout.repair, lambda data: dict(check(data, dict, "journal")), "Remove it and repair again.")


def _read(layout: Layout, number: int) -> VersionRecord | None:
    try:
        return read_version(layout, number)
    except M5DataError:
        return None


def _refill(what: str, rows: str, fill: Callable[[], int]) -> Repair:
    """Fill in rows from the dataset's tables."""
    try:
        return Repair(what, f"{fill():,} {rows} entered from the tables")
    except (M5DataError, duckdb.Error) as error:
        fault = " ".join(str(error).split())[:300]
        return Repair(what, f"cannot be made again: {fault}", possible=False)


def _save_judgements(store: Store, now: datetime) -> int:
    rows = store.snapshot().table("judgements", ["query", "candidate", "worker", "answer", "gold"]).to_pylist()
    return save_judgements(store.state, (Judgement(**row) for row in rows), now)


def _writers(table: str) -> list[str]:
    return [name for name, spec in STAGES.items() if table in spec.writes]


def _remade(table: str) -> str:
    """Return how the lost rows of a table are recovered."""
    if table == "objects":
        return "made again from the index of objects"
    verbs = [STAGES[name].command for name in _writers(table)]
    if not verbs:
        return "its other rows stay; the stage that wrote it makes the rest again"
    by_feed = "; products of feeds: run m5data ingest FEED again" if "ingest" in verbs else ""
    runs = ", ".join(f"m5data {verb}" for verb in verbs if verb != "ingest")
    return f"its other rows stay; m5data run ({runs}) makes the rest again{by_feed}"


def _starts_anew(stage: str, lost: Collection[str]) -> bool:
    """Return whether to forget a stage's last run: a video that has frames is not decoded again for its lost audio."""
    return stage == "extract" and "audio" in lost


def _stale(name: str, record: StageRecord, lost: Collection[str]) -> StageRecord:
    """Return a stage's record; if the stage wrote a table that lost rows, alter it so that the stage runs again."""
    spec = STAGES.get(name if name in STAGES else name.partition("-")[0])
    wrote = spec is not None and any(table in lost for table in spec.writes)
    return replace(record, extra=f"{record.extra} repaired") if wrote else record
