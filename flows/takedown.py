"""The hook of ``flows`` for take-downs: removes log lines and the scheduler's records."""

from collections.abc import Mapping
from pathlib import Path

from core.files import replace_file
from core.paths import files_below
from storage import Store
from takedown.databases import compact, erase_text
from takedown.plan import Plan, Removal, Target
from takedown.words import Words

__all__ = ["remove", "search"]

_SQLITE = b"SQLite format 3\0"


def search(store: Store, target: Target, plan: Plan) -> Plan:  # noqa: ARG001 - a TakedownHook
    """Return the plan unchanged: logs contain nothing that tables do not."""
    return plan


def remove(removal: Removal) -> Mapping[str, int]:
    """Remove the log lines that name the item, and blank it in the scheduler's databases.

    Any other file of the scheduler that names the item is deleted; Prefect persists no results.
    """
    if removal.dry_run:
        return {}
    root, words = removal.store.root, removal.words
    return {
        "log_lines": sum(_remove_lines(path, words) for path in _files(root / "logs")),
        "scheduler_rows": sum(_clean(path, words) for path in _files(root / "prefect")),
    }


def _files(folder: Path) -> list[Path]:
    return list(files_below(folder))


def _remove_lines(path: Path, words: Words) -> int:
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not words.found_in(line)]
    if len(kept) < len(lines):
        replace_file(path, b"".join(kept))
    return len(lines) - len(kept)


def _clean(path: Path, words: Words) -> int:
    """Blank the item in a database, or remove a file that names it; return the number of such rows or files."""
    if not path.is_file() or path.name.endswith(("-wal", "-shm")):
        return 0
    with path.open("rb") as file:
        is_database = file.read(len(_SQLITE)) == _SQLITE
    if is_database:
        changed = erase_text(path, words)
        if changed:
            compact(path)
        return changed
    if words.found_in(path.read_bytes()):
        path.unlink()
        return 1
    return 0
