"""The receipt of a take-down: how much was removed, and where; never the target itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from core.files import replace_file
from takedown.plan import TargetKind

__all__ = ["MAX_SEARCHED", "ExportHeld", "Receipt", "write_receipt"]

MAX_SEARCHED = 200_000_000
"""Size in bytes above which a person's file is not searched."""


@dataclass(frozen=True, slots=True)
class ExportHeld:
    """One export that held the target."""

    folder: str
    recipe: str
    reachable: bool
    """False: it was moved or deleted. Holders of copies must read the list of removed products."""
    files: tuple[str, ...]
    """Files that held or named the target; the others were not touched."""

    @property
    def shown(self) -> str:
        """Summary for people."""
        return f"files rewritten in {self.folder}" if self.reachable else f"{self.folder} is gone; inform its holders"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Summary of what a take-down removed, or would remove."""

    kind: TargetKind
    digest: str
    """Keyed hash of the target, as in the register."""
    removed_at: datetime | None
    """None: a dry run."""
    products: int
    addresses: int
    """URLs of pages, images and videos."""
    objects: int
    """Stored payloads that nothing else used."""
    rows: dict[str, int]
    """Table -> rows removed from the newest dataset version."""
    files: dict[str, int] = field(default_factory=dict)
    """Table -> data files rewritten, including those of older versions."""
    records: int = 0
    """Records overwritten in segments."""
    pages: int = 0
    """Other stored pages, from which the target's names were removed."""
    state_rows: int = 0
    exports: tuple[ExportHeld, ...] = ()
    certificates: tuple[str, ...] = ()
    """Superseded certificates."""
    reports: tuple[str, ...] = ()
    """Removed reports; m5data stats writes them again."""
    log_lines: int = 0
    scheduler_rows: int = 0
    left: tuple[str, ...] = ()
    """Files and texts of the user that name the target; they were not changed."""
    near: tuple[str, ...] = ()
    """What may have been meant, if nothing in the workspace is the target; nothing was changed then."""
    taken_before: bool = False
    """Whether an earlier take-down removed the target."""

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to remove."""
        counts = (self.products, self.objects, self.records, self.pages, self.state_rows, self.log_lines)
        return not any((*counts, self.scheduler_rows, self.rows, self.files, self.exports))

    def lines(self) -> list[tuple[str, int, str]]:
        """Return kind, count and place of everything removed, for display."""
        counts = [
            ("products", self.products, "every table and version"),
            ("URLs", self.addresses, "kept out from now on"),
            ("objects", self.objects, "that nothing else used"),
            *((f"rows of {table}", count, "newest version") for table, count in self.rows.items()),
            ("data files", sum(self.files.values()), "rewritten, older versions' too"),
            ("records", self.records, "overwritten in objects/"),
            ("pages of others", self.pages, "its names removed"),
            ("rows of state", self.state_rows, "frontier, downloads, judgements"),
            *((f"export of {held.recipe}", len(held.files), held.shown) for held in self.exports),
            ("certificates", len(self.certificates), "superseded"),
            ("reports", len(self.reports), "removed; m5data stats writes them again"),
            ("lines of logs", self.log_lines, "logs/"),
            ("scheduler's records", self.scheduler_rows, "prefect/"),
            ("files of yours", len(self.left), f"not changed, check them: {', '.join(self.left)}"),
        ]
        return [line for line in counts if line[1] or line[0].startswith("export")]

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the receipt of a record that ``as_record`` made, without ``removed_at``."""
        exports = tuple(ExportHeld(**{**held, "files": tuple(held["files"])}) for held in record["exports"])
        lists = {name: tuple(record[name]) for name in ("certificates", "reports", "left", "near")}
        return cls(**{**record, **lists, "exports": exports, "removed_at": None})

    def as_record(self) -> dict[str, object]:
        """Return plain values for JSON."""
        moment = self.removed_at and self.removed_at.isoformat(timespec="seconds")
        return {**asdict(self), "near": list(self.near), "removed_at": moment}


def write_receipt(root: Path, receipt: Receipt) -> Path:
    """Store a receipt in the workspace's folder ``receipts`` and return its path."""
    folder = root / "receipts"
    folder.mkdir(exist_ok=True)
    moment = f"{receipt.removed_at:%Y%m%dT%H%M%SZ}" if receipt.removed_at else "planned"
    path = folder / f"{moment}-{receipt.digest[:12]}.json"
    replace_file(path, (json.dumps(receipt.as_record(), indent=1) + "\n").encode())
    return path
