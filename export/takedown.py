"""Take-down from exports: shards are rewritten, and a list names the removed products.

The list, ``removed.jsonl`` next to the exports, is for holders of copies: each line is ``{"product_sha256": …,
"removed": date}``. It holds SHA-256 hashes of product ids, so that it is not itself a directory of removed products.
Consumers leave out samples whose ``product_id`` is in it (``is_removed``).
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import CorruptObjectError, DataError
from core.files import replace_file
from core.paths import UnsafePathError, files_below, inside
from core.small_files import check, made_of
from export.folders import LocalFolder
from export.manifest import CROISSANT, MANIFEST, is_written_by, named_files, remove_unfinished
from export.registry import Export, exports_of
from export.removal import SHARDS, Removed, remove_from_shard, repair_manifest, shard_holds
from storage import Store
from storage.identity import KEY_FILE, workspace_mark
from takedown.plan import Plan, Removal, Target
from takedown.receipt import MAX_SEARCHED, ExportHeld
from takedown.words import Words

__all__ = ["REMOVED", "add_removed", "is_removed", "odd_exports", "read_removed", "remove", "search"]

REMOVED = "removed.jsonl"

_TEXTS = frozenset({".txt", ".jsonl", ".csv", ".tsv"})


def search(store: Store, target: Target, plan: Plan) -> Plan:  # noqa: ARG001 - a TakedownHook
    """Return the plan unchanged: exports hold nothing that tables do not."""
    return plan


def remove(removal: Removal) -> Mapping[str, Any]:
    """Remove the products from every reachable export, and add them to the lists next to the exports.

    An export that is no longer where it was counts as holding the item if its recipe did. Only files that exports
    wrote are changed; other files in their folders that name the item are listed.
    """
    store, plan = removal.store, removal.plan
    removed = Removed(frozenset(plan.products), removal.groups)
    held: list[ExportHeld] = []
    left: list[str] = []
    folders = {store.root / "shards"}
    mark = workspace_mark(store.root)
    for export in exports_of(store):
        if not export.is_there:
            held += [ExportHeld(export.place, export.recipe, reachable=False, files=())] * (
                export.recipe in plan.recipes
            )
            continue
        if fault := _fault(store.root, export, mark):
            left.append(f"{export.place} ({fault}: not touched)")
            continue
        folders.add(export.folder.parent.parent)
        if export.is_unfinished:  # its shards are not an export yet: the next run rewrites them
            if not removal.dry_run:
                remove_unfinished(export.folder)
            continue
        files = _files_with(export.folder, removed, removal.words)
        left += [str(path) for path in _foreign(export.folder, removal.words)]
        if files:
            names = tuple(str(path.relative_to(export.folder)) for path in files)
            held.append(ExportHeld(export.place, export.recipe, reachable=True, files=names))
        if not removal.dry_run and (files or export.recipe in plan.recipes):
            _remove_from_export(export.folder, files, removed, removal.words)
    if removal.dry_run:
        return {"exports": tuple(held), "left": tuple(left)}
    for folder in sorted(folders) if plan.recipes else ():
        add_removed(folder, plan.products, removal.now)
    return {}


def odd_exports(store: Store) -> Iterator[str]:
    """Yield the recorded exports that are there but that a take-down would not touch, and lists that it cannot read."""
    mark = workspace_mark(store.root) if (store.root / KEY_FILE).exists() else ""  # made by those that write
    folders = {store.root / "shards"}
    for export in exports_of(store):
        if export.is_there and (fault := _fault(store.root, export, mark)):
            yield f"{export.place}: {fault}: no take-down touches it"
        elif export.is_there:
            folders.add(export.folder.parent.parent)
    for folder in sorted(folders):
        try:
            read_removed(folder)
        except CorruptObjectError as error:
            yield str(error)


def add_removed(folder: Path, products: Iterable[str], now: datetime) -> int:
    """Add products to the list in ``folder``, which is created if needed; return how many were new."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = sorted({_digest(product) for product in products} - read_removed(folder))
    if fresh:
        path = folder / REMOVED
        before = path.read_bytes() if path.is_file() else b""
        lines = (json.dumps({"product_sha256": digest, "removed": f"{now:%Y-%m-%d}"}) + "\n" for digest in fresh)
        replace_file(path, before + "".join(lines).encode())
    return len(fresh)


def read_removed(folder: Path) -> frozenset[str]:
    """Return the hashes in a folder's list, empty if there is none.

    Raises:
        CorruptObjectError: It is damaged, or no such list.
    """
    path = folder / REMOVED
    data = path.read_bytes() if path.is_file() else b""
    return made_of(data, _listed, str(path), "Restore it from a backup, or put another file of that name elsewhere.")


def is_removed(product_id: str, removed: Collection[str]) -> bool:
    """Return whether a sample's product is in a list that ``read_removed`` returned."""
    return _digest(product_id) in removed


def _listed(data: bytes) -> frozenset[str]:
    return frozenset(check(json.loads(line)["product_sha256"], str, "product_sha256") for line in data.splitlines())


def _digest(product_id: str) -> str:
    return hashlib.sha256(product_id.encode()).hexdigest()


def _files_with(folder: Path, removed: Removed, words: Words) -> list[Path]:
    """Return the files of an export that hold or name the products."""
    named = sorted(named_files(LocalFolder(folder), folder) - {MANIFEST, CROISSANT})
    return [
        path
        for path in (folder / name for name in named)
        if path.is_file()
        and (shard_holds(path, removed) if path.suffix in SHARDS else words.found_in(path.read_bytes()))
    ]


def _fault(root: Path, export: Export, mark: str) -> str | None:
    """Return why an export must not be changed; None: this workspace wrote it."""
    try:
        if export.folder.is_relative_to(root):
            inside(root, export.folder.relative_to(root).as_posix())
            named_files(LocalFolder(export.folder), export.folder)
        elif not is_written_by(LocalFolder(export.folder), export.folder, mark):
            return "no export of this workspace"
        for name in named_files(LocalFolder(export.folder), export.folder):
            inside(export.folder, name)
    except UnsafePathError:
        return "a link, or a path that leads out of it"
    except DataError:
        return "its manifest is damaged"
    return None


def _foreign(folder: Path, words: Words) -> list[Path]:
    """Return the files that name the products but were written by no export; they are left alone."""
    own = {folder / name for name in named_files(LocalFolder(folder), folder)}
    found = (path for path in files_below(folder) if path not in own)
    return [path for path in found if path.stat().st_size <= MAX_SEARCHED and words.found_in(path.read_bytes())]


def _remove_from_export(folder: Path, files: Iterable[Path], removed: Removed, words: Words) -> None:
    """Rewrite shards, remove the lines that name a product from text files, and delete files of other kinds."""
    samples: dict[Path, int] = {}
    for path in files:
        path.with_name(f"{path.name}.part").unlink(missing_ok=True)  # the draft of a killed take-down
        if path.suffix in SHARDS:
            samples[path] = remove_from_shard(path, removed)
        elif path.suffix in _TEXTS:
            lines = path.read_bytes().splitlines(keepends=True)
            replace_file(path, b"".join(line for line in lines if not words.found_in(line)))
        else:
            path.unlink()
    repair_manifest(folder, samples)
