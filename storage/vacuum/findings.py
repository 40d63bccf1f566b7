"""What a vacuum removes."""

from dataclasses import dataclass
from pathlib import Path

from storage.object_index import ObjectRef

__all__ = ["Findings", "StaleFiles", "count_findings"]


@dataclass(frozen=True, slots=True)
class StaleFiles:
    """Files that no kept version needs."""

    versions: tuple[Path, ...]
    """Of dataset versions."""
    data: tuple[Path, ...]
    """Of tables."""
    log: tuple[Path, ...]
    """Entries and checkpoints of Delta logs."""
    drafts: tuple[Path, ...]
    """Half-written files."""
    checkpoints: tuple[tuple[str, int], ...]
    """Table and Delta versions, ascending, from which its log can be read once the entries right before are gone."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that goes."""

    kept: frozenset[int]
    """Dataset versions that stay."""
    files: StaleFiles
    objects: tuple[ObjectRef, ...]
    """Objects that nothing uses."""
    lines: tuple[tuple[str, int, int], ...]
    """What, how many and how many bytes, as found."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        files = self.files
        return not (files.versions or files.data or files.log or files.drafts or self.objects)


def count_findings(files: StaleFiles, objects: tuple[ObjectRef, ...]) -> tuple[tuple[str, int, int], ...]:
    """Return what goes, how many and how many bytes."""
    lists = {
        "dataset versions": files.versions,
        "data files": files.data,
        "log entries": files.log,
        "drafts": files.drafts,
    }
    counted = [(name, len(paths), sum(_size(path) for path in paths)) for name, paths in lists.items()]
    return (*counted, ("objects", len(objects), sum(ref.length for ref in objects)))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
