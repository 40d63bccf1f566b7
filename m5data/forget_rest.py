"""What a take-down does elsewhere: reports, logs, the scheduler's records, a person's own files."""

from collections.abc import Iterator
from pathlib import Path

from m5data.unpacked import unpacked
from storage.files import replace_file
from storage.takedown import Words, compact_state, erase_text

__all__ = ["clean_logs", "clean_scheduler", "drop_reports", "files_naming"]

_SQLITE = b"SQLite format 3\0"
_OWN = frozenset(
    {"certificates", "logs", "objects", "prefect", "receipts", "reports", "shards", "spool", "staging", "tables",
     "versions", "lock", "children.lock", "secret.key", "takedown.pending", "takedown.journal",
     ".m5data"}
)  # fmt: skip
_MOST = 200_000_000


def drop_reports(root: Path) -> list[str]:
    """Remove what shows products and can be made again: reports, evaluations, and shards decoded for training."""
    folders = [root / "reports", root / "training" / "cache", *sorted(root.glob("training/*/evaluation"))]
    found = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in found:
        path.unlink()
    return [str(path.relative_to(root)) for path in found]


def clean_logs(root: Path, words: Words) -> int:
    """Take the lines out of the logs that name the target; return how many."""
    count = 0
    for path in sorted(path for path in (root / "logs").rglob("*") if path.is_file()):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not words.found_in(line)]
        if len(kept) < len(lines):
            replace_file(path, b"".join(kept))
            count += len(lines) - len(kept)
    return count


def clean_scheduler(root: Path, words: Words) -> int:
    """Blank what names the target in the scheduler's records; return how many rows and files had it.

    Its files other than databases are results and caches: those that name the target, plainly or pickled, go.
    """
    count = 0
    for path in sorted(path for path in (root / "prefect").rglob("*") if path.is_file()):
        if not path.is_file() or path.name.endswith(("-wal", "-shm")):
            continue
        if _is_database(path):
            changed = erase_text(path, words)
            if changed:
                compact_state(path)
            count += changed
        elif any(words.found_in(content) for content in unpacked(path.read_bytes())):
            path.unlink()
            count += 1
    return count


def files_naming(root: Path, words: Words) -> list[str]:
    """Return the files that a person put into the workspace and that name the target: they are left alone."""
    return [str(path.relative_to(root)) for path in _foreign(root) if words.found_in(path.read_bytes())]


def _foreign(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.name in _OWN or path.name.startswith("state.sqlite"):
            continue
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in inside if file.is_file() and file.stat().st_size <= _MOST)


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE
