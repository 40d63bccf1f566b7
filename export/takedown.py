"""Taking products out of an export: only the files that hold them are written again."""

from collections.abc import Callable, Mapping
from pathlib import Path

from export.metadata import CROISSANT
from export.removal import (
    REMOVED,
    Removal,
    parquet_holds,
    records_hold,
    remove_from_parquet,
    remove_from_records,
    remove_from_tar,
    repair_manifest,
    tar_holds,
)
from export.shards import MANIFEST
from storage.files import replace_file, sync_file, sync_folder
from storage.takedown import Words

__all__ = ["cut_export", "files_with"]

_TEXTS = frozenset({".txt", ".jsonl", ".csv", ".tsv"})
_HOLDS: Mapping[str, Callable[[Path, Removal], bool]] = {
    ".parquet": parquet_holds,
    ".tar": tar_holds,
    ".json": records_hold,
}
_CUTTERS: Mapping[str, Callable[[Path, Path, Removal], int]] = {
    ".parquet": remove_from_parquet,
    ".tar": remove_from_tar,
    ".json": remove_from_records,
}


def files_with(folder: Path, removal: Removal, words: Words) -> list[str]:
    """Return the files of an export, relative to it, that hold or name the products.

    Args:
        folder: The export's.
        removal: The products.
        words: How files that are no shards name them.
    """
    return [str(path.relative_to(folder)) for path in _files(folder) if _holds(path, removal, words)]


def cut_export(folder: Path, removal: Removal, words: Words) -> list[str]:
    """Take products out of an export and bring its manifest and card up to date; return the files changed.

    A shard without any sample left goes. Text files lose the lines that name a product; a file of any
    other kind that names one is removed.
    """
    changed = [path for path in _files(folder) if _holds(path, removal, words)]
    samples = {path: _cut_shard(path, removal) for path in changed if path.suffix in _CUTTERS}
    for path in changed:
        if path.suffix not in _CUTTERS:
            _cut_text(path, words)
    repair_manifest(folder, samples)
    return [str(path.relative_to(folder)) for path in changed]


def _files(folder: Path) -> list[Path]:
    """Return the files of an export but its bookkeeping; drafts of a killed run are removed."""
    for draft in folder.rglob("*.part"):
        draft.unlink()
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in {MANIFEST, CROISSANT, REMOVED})


def _holds(path: Path, removal: Removal, words: Words) -> bool:
    holds = _HOLDS.get(path.suffix)
    return holds(path, removal) if holds else words.found_in(path.read_bytes())


def _cut_shard(path: Path, removal: Removal) -> int:
    draft = path.with_name(path.name + ".part")
    left = _CUTTERS[path.suffix](path, draft, removal)
    if left:
        sync_file(draft)
        draft.replace(path)
    else:
        draft.unlink()
        path.unlink()
    sync_folder(path.parent)
    return left


def _cut_text(path: Path, words: Words) -> None:
    if path.suffix not in _TEXTS:
        path.unlink()
        return
    lines = path.read_bytes().splitlines(keepends=True)
    replace_file(path, b"".join(line for line in lines if not words.found_in(line)))
