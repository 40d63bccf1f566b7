"""Dataset versions: small JSON files that pin the version of every table."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from m5data.errors import CorruptObjectError, WorkspaceError
from m5data.stage import StageReport
from storage.durable import replace_file
from storage.layout import Layout

__all__ = ["StageRecord", "VersionRecord", "committed_versions", "latest_number", "read_version", "write_version"]

_NAME = re.compile(r"(\d{8})\.json")


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What is known of a stage's last committed run."""

    settings: str
    """Digest of its settings."""
    extra: str
    """Whatever else the stage said its result depends on; may be empty."""
    reads: Mapping[str, int]
    """Table -> Delta version it read, or, where it wrote the table itself, wrote. Absent: not written yet."""
    report: StageReport
    version: int
    """Dataset version that it committed."""
    code: str
    """Version of this package that ran it."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One dataset version. Number 0 is the empty dataset that every workspace starts with."""

    number: int
    parent: int | None
    created: datetime | None
    buckets: int
    """Hash buckets that bucketed tables have."""
    indexed: int = 0
    """Rows of the object index that the table ``objects`` holds: its greatest sequence number."""
    tables: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, StageRecord] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        """Stage that committed this version; empty for number 0."""
        return next((name for name, record in self.stages.items() if record.version == self.number), "")


def committed_versions(layout: Layout) -> list[VersionRecord]:
    """Return every version that a stage committed, newest first."""
    numbers = sorted((int(m[1]) for m in map(_NAME.fullmatch, _names(layout)) if m), reverse=True)
    return [read_version(layout, number) for number in numbers if number]


def latest_number(layout: Layout) -> int:
    """Return the number of the newest version.

    Raises:
        WorkspaceError: There is no version at all, so the folder is no workspace.
    """
    numbers = [int(match[1]) for match in map(_NAME.fullmatch, _names(layout)) if match]
    if not numbers:
        raise WorkspaceError(f"{layout.root}: wanted a workspace, found no dataset version; run m5data init")
    return max(numbers)


def read_version(layout: Layout, number: int) -> VersionRecord:
    """Read one version.

    Raises:
        WorkspaceError: There is no version of that number.
    """
    try:
        data = json.loads(_path(layout, number).read_bytes())
    except FileNotFoundError:
        newest = latest_number(layout)
        raise WorkspaceError(
            f"{layout.root}: wanted dataset version {number}, there are 0 to {newest}; see m5data log"
        ) from None
    except ValueError as error:
        raise _damaged(layout, number, error) from error
    try:
        return _record(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(layout, number, error) from error


def write_version(layout: Layout, record: VersionRecord) -> None:
    """Write one version, the last act of a commit: before it nothing new is seen, after it everything."""
    data = asdict(replace(record, created=None))
    data["created"] = record.created and record.created.isoformat()
    encoded = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True)
    replace_file(_path(layout, record.number), encoded.encode())


def _record(data: dict[str, Any]) -> VersionRecord:
    created = data["created"]
    stages = {name: _stage_record(record) for name, record in data["stages"].items()}
    return VersionRecord(
        **{**data, "created": created and datetime.fromisoformat(created), "stages": stages},
    )


def _damaged(layout: Layout, number: int, error: Exception) -> CorruptObjectError:
    what = str(error).splitlines()[0]
    return CorruptObjectError(
        f"{_path(layout, number)}: wanted a dataset version, found something else ({what}); restore it from a backup, "
        "or remove it to go back to the version before"
    )


def _names(layout: Layout) -> list[str]:
    return [path.name for path in layout.versions.iterdir()] if layout.versions.is_dir() else []


def _path(layout: Layout, number: int) -> Path:
    return layout.versions / f"{number:08}.json"


def _stage_record(data: dict[str, Any]) -> StageRecord:
    return StageRecord(**{**data, "report": StageReport(**data["report"])})
