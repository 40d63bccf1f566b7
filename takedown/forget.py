"""Take-down: one URL, product or merchant is removed from everything, and kept out.

First the journal stores the plan, then the register the plan's hashes. Repeatable steps follow: search segments and
clean other pages, rewrite tables in every version, remove each room's data through its hook, erase rows of the
state, overwrite records, commit a dataset version, delete reports, compact the state. The journal is deleted last.
While it exists, the next stage or take-down finishes it first (``finish_takedown``).
"""

import json
import os
import re
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from core.engine import open_engine
from core.files import sync_folder
from core.paths import files_below
from core.small_files import check, check_numbers, made_of, read_json
from core.stage import Clock, StageReport, utc_now
from storage import Snapshot, Store
from storage.erasure import (
    correct_reports,
    erase_records,
    finish_erasing,
    rewrite_tables,
    store_again,
)
from storage.files import DATABASES, FRONTIERS, INDEX, SEGMENT, databases
from takedown.databases import compact, erase_rows, erase_text
from takedown.plan import Plan, Removal, Target, hooks, page_hook
from takedown.receipt import MAX_SEARCHED, Receipt, write_receipt
from takedown.register import REGISTER, Mark, open_register
from takedown.search import as_stored, find_near, find_target, search_segments, users_of
from takedown.tables import register_words, table_edits
from takedown.words import Words

__all__ = ["PENDING", "Journal", "delete_reports", "finish_takedown", "forget", "taken_down_recipes"]

PENDING = "takedown.pending"
"""File of the journal, in the workspace's folder; present until a take-down has ended."""
_KEPT = ("tombstones", "migrations", "exports", "frontiers")
"""Tables of the state that contain nothing from any page."""
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*:(?!//).+", re.DOTALL)
_REMEDY = "Restore it from a backup; or remove it and take the same item down again, which finishes the work."
_SHOWN = 12
"""Digits of the target's hash in the name of a receipt."""
_DEPTH_OF_EXPORTS = 3
_VERSION = re.compile(r"\d{8}\.json")
_RECEIPT = re.compile(r"[0-9A-Za-z]+-[0-9a-f]{12}\.json")

_RECREATED = re.compile(
    r"reports/report(\.zh)?\.html|training/[^/]+/evaluation/(results\.json|features\.(png|svg)|examples\.html)"
    r"|training/cache/[^/]+/[^/]+\.npz|training/cache/features/[^/]+/[0-9a-f]+\.parquet"
)
"""Paths of files that m5data replaces whenever it writes a report, an evaluation or a cache."""
_OWN = frozenset(
    {"certificates", "logs", "objects", "prefect", "receipts", "shards", "spool", "staging", "tables",
     "versions", "lock", "children.lock", "secret.key", PENDING, "takedown.journal",
     ".m5data", FRONTIERS, REGISTER, "workspace.json", "repair.pending"}
)  # fmt: skip


def forget(store: Store, target: Target, *, dry_run: bool = False, clock: Clock = utc_now) -> Receipt:
    """Remove a target from a workspace and everything made from it, and keep it out.

    A target that is not in the workspace is kept out, too, unless something there is nearly the same: then it was
    probably misspelt, the receipt names what it may have meant, and nothing is changed. The receipt is stored under
    ``receipts/`` unless there was nothing to remove.

    Args:
        store: The workspace's storage.
        target: What to remove.
        dry_run: Remove nothing; the receipt says what would be removed.
        clock: Source of times.

    Raises:
        WorkspaceError: Another run holds the workspace.
    """
    with store.lock():
        finish_takedown(store, clock=clock)
        target = as_stored(store, target)
        plan = find_target(store, target)
        removal = _begin(store, plan, clock(), dry_run=True)
        receipt = _look_ahead(removal)
        if not _is_found(target, plan, receipt):
            receipt = _nothing(store, target, plan)
        if dry_run or receipt.near or (receipt.is_empty and not open_register(store).missing(removal.plan.marks)):
            return receipt
        Journal(store.root).write({"plan": removal.plan.model_dump(mode="json"), "receipt": receipt.as_record()})
        return _execute(replace(removal, dry_run=False, now=clock()), receipt)


def finish_takedown(store: Store, *, clock: Clock = utc_now) -> None:
    """Finish a killed take-down, if there is one; the caller holds the workspace's lock."""
    entry = Journal(store.root).check()
    if entry is not None:
        removal = _begin(store, entry.plan, clock(), dry_run=False)
        _execute(replace(removal, files=dict(entry.files)), entry.receipt)


def taken_down_recipes(snapshot: Snapshot) -> dict[str, int]:
    """Return recipe -> dataset version in which products of its splits were last taken down."""
    last = snapshot.stages.get("forget")
    return dict(json.loads(last.extra)) if last is not None else {}


def delete_reports(root: Path) -> tuple[str, ...]:
    """Delete files that show products and that m5data writes anew under the same names; all others stay.

    These are the reports, the results of evaluations, and shards decoded for training.
    """
    found = [path for path in files_below(root) if _RECREATED.fullmatch(path.relative_to(root).as_posix())]
    for path in found:
        path.unlink()
    return tuple(str(path.relative_to(root)) for path in found)


def _begin(store: Store, plan: Plan, now: datetime, *, dry_run: bool) -> Removal:
    register = open_register(store)
    groups = {name: f"removed:{register.digest(Mark('product', name))[:16]}" for name in plan.products}
    return Removal(store, plan, groups, now, dry_run, plan.words)


def _look_ahead(removal: Removal) -> Receipt:
    """Return what a take-down would remove."""
    store, plan = removal.store, removal.plan
    items, mentions = search_segments(store, plan, page_hook().cleaner(plan, removal.words))
    fields: dict[str, Any] = {}
    for hook in hooks():
        fields |= hook.remove(removal)
    left = fields.pop("left", ())
    return Receipt(
        kind=plan.kind,
        digest=plan.digest,
        removed_at=None,
        products=len(plan.known),
        addresses=len(plan.urls),
        objects=len(plan.objects),
        rows=dict(plan.rows),
        records=len(items),
        pages=len(mentions),
        left=(*_foreign_files(store.root, removal.words), *_models(store.root, plan), *left, *plan.remains),
        **fields,
    )


def _execute(removal: Removal, foreseen: Receipt) -> Receipt:
    """Execute a plan, and end its journal."""
    store, plan = removal.store, removal.plan
    open_register(store).add(store.state, plan.marks, removal.now)
    fields = _remove(removal, foreseen)
    receipt = replace(foreseen, removed_at=removal.now, files=removal.files, **fields)
    store.clear_spools()
    if not foreseen.is_empty:
        receipt = replace(receipt, reports=delete_reports(store.root))
    store.objects.close()
    for name in databases(store.root):
        compact(store.root / name)
    if not receipt.is_empty:
        write_receipt(store.root, receipt)
    Journal(store.root).end()
    return receipt


def _remove(removal: Removal, foreseen: Receipt) -> dict[str, Any]:
    """Remove the target from segments, tables, every room's data and the state, and commit a dataset version."""
    store, plan, words = removal.store, removal.plan, removal.words
    finish_erasing(store.root, removal.now)
    cleaner = page_hook().cleaner(plan, words)
    items, mentions = search_segments(store, plan, cleaner)
    removal.renamed = store_again(store.root, store.objects, mentions, lambda _, page: cleaner.clean(page))
    found = {place.sha256 for place in items} - {""}
    used = users_of(store, plan, found | set(plan.objects))
    shared = [place for place in items if place.sha256 in used]
    store_again(store.root, store.objects, shared, lambda place, page: replace(page, url=used[place.sha256] or ""))
    changed = {old for old, new in removal.renamed.items() if old != new}
    gone = (found | set(plan.objects) | changed) - used.keys()
    removal.files.update(_rewrite(removal, gone | removal.renamed.keys() | {place.sha256 for place in shared}))
    entry = {"plan": plan.model_dump(mode="json"), "receipt": foreseen.as_record(), "files": removal.files}
    Journal(store.root).write(entry)  # after a kill, the next run finds them rewritten, but must commit them
    fields: dict[str, Any] = {}
    for hook in hooks():
        fields |= hook.remove(removal)
    names = (*plan.products, *plan.objects)
    changing = [store.root / name for name in databases(store.root) if name != INDEX]
    rows = sum(erase_rows(path, names, _KEPT) + erase_text(path, words, _KEPT) for path in changing)
    records = erase_records(store.root, store.objects, [*items, *mentions], gone, removal.now)
    if plan.products or plan.media or removal.files or records:
        _commit(removal)
    return {**fields, "state_rows": fields["state_rows"] + rows}


def _rewrite(removal: Removal, objects: Collection[str]) -> dict[str, int]:
    """Rewrite the tables; return table -> number of files rewritten."""
    store = removal.store
    buckets = store.snapshot().record.buckets
    edits = table_edits(removal.plan, buckets, groups=removal.groups, pages=removal.renamed, objects=objects)
    with closing(open_engine()) as engine:
        register_words(engine, removal.words)
        files = rewrite_tables(engine, store.root, edits)
    correct_reports(store.root, removal.plan.stages)
    return files


def _commit(removal: Removal) -> None:
    """Commit a version with new numbers for the tables that changed, so that stages that read them run again."""
    store, products = removal.store, len(removal.plan.products)
    before = store.snapshot()
    recipes = {**taken_down_recipes(before), **dict.fromkeys(removal.plan.recipes, before.number + 1)}
    with store.stage("forget", settings="", extra=json.dumps(recipes, sort_keys=True)) as stage:
        for table in removal.files:
            stage.touch(table)
        stage.commit(StageReport("forget", products, products))


def _foreign_files(root: Path, words: Words) -> tuple[str, ...]:
    """Return files that a person put into the workspace and that name the target; they are not changed."""
    tops = [path for path in sorted(root.iterdir()) if path.name not in _OWN and not path.name.startswith(DATABASES)]
    files = [file for top in tops for file in (files_below(top) if top.is_dir() else [top] * (not top.is_symlink()))]
    files += [file for top in sorted(_OWN) for file in files_below(root / top) if _is_strange(root, file)]
    files = [file for file in files if not _RECREATED.fullmatch(file.relative_to(root).as_posix())]
    searched = (file for file in files if file.stat().st_size <= MAX_SEARCHED)
    return tuple(str(file.relative_to(root)) for file in searched if words.found_in(file.read_bytes()))


def _is_strange(root: Path, file: Path) -> bool:
    """Return whether a file in a folder of tables, objects, versions or exports is none that m5data writes there."""
    top, *rest = file.relative_to(root).parts
    if top == "tables":
        return file.suffix != ".parquet" and "_delta_log" not in rest
    if top == "shards":
        return len(rest) < _DEPTH_OF_EXPORTS and rest[-1] != "removed.jsonl"
    names = {"objects": SEGMENT, "versions": _VERSION, "receipts": _RECEIPT}
    return top in names and names[top].fullmatch(rest[-1]) is None


def _models(root: Path, plan: Plan) -> tuple[str, ...]:
    """Return the trained models, if splits held the target: what they learned from it cannot be removed."""
    runs = sorted({path.relative_to(root).parts[1] for path in files_below(root / "training") if path.suffix == ".pt"})
    return tuple(f"training/{run} (may have learned from it: train it again)" for run in runs if plan.recipes)


def _is_found(target: Target, plan: Plan, receipt: Receipt) -> bool:
    """Return whether the workspace holds the target itself, and not only texts that have its words."""
    if target.kind == "merchant":
        return bool(plan.products)
    is_id = target.kind == "url" or _ID.fullmatch(target.value) is not None
    return bool(plan.known) or (is_id and not receipt.is_empty)


def _nothing(store: Store, target: Target, plan: Plan) -> Receipt:
    """Return the receipt of a target that is not here: with what it may have meant, unless it was taken down before."""
    before = any(plan.digest[:_SHOWN] in path.name for path in files_below(store.root / "receipts"))
    near = () if before else find_near(store, target)
    return Receipt(
        plan.kind, plan.digest, None, products=0, addresses=0, objects=0, rows={}, near=near, taken_before=before
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """An unfinished take-down."""

    plan: Plan
    receipt: Receipt
    files: Mapping[str, int]
    """Table -> number of data files rewritten before the kill."""

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Entry":
        """Return the entry in a record; another form is a ``ValueError``, ``KeyError`` or ``TypeError``."""
        files = check_numbers(record.get("files", {}), "files")
        return cls(Plan.model_validate(record["plan"]), Receipt.of_record(record["receipt"]), files)


class Journal:
    """Plan of a take-down in plain text, so that the next run can finish one that was killed.

    Written before anything is removed, deleted last, and readable only by its owner.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / PENDING

    def write(self, entry: dict[str, Any]) -> None:
        """Replace the entry; the new one is on disk when this returns."""
        draft = self._path.with_name(f".{self._path.name}.tmp")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(entry, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        sync_folder(self._path.parent)

    def read(self) -> dict[str, Any] | None:
        """Return the entry of an unfinished take-down; None if there is none.

        Raises:
            CorruptObjectError: It is damaged.
        """
        try:
            with self._path.open("rb") as file:
                is_ended = file.read(1) == b"\0"
        except FileNotFoundError:
            return None
        if is_ended:  # killed between the last two steps of ``end``
            self._path.unlink()
            return None
        return read_json(self._path, lambda data: dict(check(data, dict, "journal")), _REMEDY)

    def check(self) -> Entry | None:
        """Return the unfinished take-down; None if there is none.

        Raises:
            CorruptObjectError: Its entry is damaged.
        """
        found = self.read()
        return None if found is None else made_of(found, Entry.of_record, str(self._path), _REMEDY)

    def end(self) -> None:
        """Overwrite the entry, because it names the target, and delete it."""
        with self._path.open("r+b") as file:
            file.write(bytes(self._path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        self._path.unlink()
        sync_folder(self._path.parent)
