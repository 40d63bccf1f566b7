"""The part of a take-down that happens in what was made of the store: exports and certificates."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from export.registry import Export, exports_of
from export.removal import Removal, add_removed
from export.takedown import cut_export, files_with
from m5data.forget_plan import Plan
from m5data.receipt import ExportHeld
from splits.takedown import certificates_of, supersede
from storage import Store

__all__ = ["cut_certificates", "cut_exports", "find_certificates", "find_exports"]


def find_exports(store: Store, plan: Plan, groups: Mapping[str, str]) -> tuple[ExportHeld, ...]:
    """Return the exports that hold the target; those that are not where they were count where their recipe did."""
    cut = Removal(frozenset(plan.products), groups)
    held = [
        (export, tuple(files_with(export.folder, cut, plan.words)) if export.is_there else ())
        for export in exports_of(store)
    ]
    return tuple(
        ExportHeld(export.place, export.recipe, export.is_there, files)
        for export, files in held
        if files or (not export.is_there and export.recipe in plan.recipes)
    )


def cut_exports(store: Store, plan: Plan, groups: Mapping[str, str], now: datetime) -> None:
    """Take the target out of every export that is there, and name it in the lists of removals beside them."""
    cut = Removal(frozenset(plan.products), groups)
    exports = [export for export in exports_of(store) if export.is_there]
    for export in exports:
        if files_with(export.folder, cut, plan.words) or export.recipe in plan.recipes:
            cut_export(export.folder, cut, plan.words)
    if plan.recipes:
        for folder in _lists(store.root, exports):
            add_removed(folder, plan.products, now)


def find_certificates(root: Path, plan: Plan) -> tuple[str, ...]:
    """Return the certificates of splits that held the target, and those that name it."""
    found = certificates_of(root / "certificates", plan.recipes, plan.words)
    return tuple(str(path.relative_to(root)) for path in found)


def cut_certificates(root: Path, plan: Plan, now: datetime) -> None:
    """Mark those certificates as superseded, and take out what names the target."""
    for name in find_certificates(root, plan):
        supersede(root / name, plan.words, now)


def _lists(root: Path, exports: list[Export]) -> list[Path]:
    """Return the folders that hold a list of removals: each that exports were written to."""
    return sorted({root / "shards", *(export.folder.parent for export in exports)})
