"""The paths of a built demo, and atomic writes."""

import os
from collections.abc import Mapping
from pathlib import Path

from demo_shops.products import ShopName

__all__ = ["Layout", "write_file"]

_EPOCH = 1_704_067_200
"""Modification time of every built file, Unix seconds (2024-01-01): the servers send it."""
_DAY = 86_400


class Layout:
    """Paths of a demo.

    Args:
        folder: The demo's folder; everything is stored under ``shops`` in it.
        name: Name of that subfolder; a different one while the shops are being built.
    """

    def __init__(self, folder: Path, name: str = "shops") -> None:
        self.root = folder / name
        self.manifest = self.root / "manifest.json"
        self.changes = self.root / "changes.json"
        self.judgements = self.root / "judgements.csv"

    def answers(self, shop: ShopName) -> Path:
        """Return the file of responses that are not plain files."""
        return self.root / shop / "answers.json"

    def site(self, shop: ShopName, path: str) -> Path:
        """Return the file that the shop serves under ``path``."""
        return self.root / shop / "site" / path.lstrip("/")

    def built_files(self) -> Mapping[str, Path]:
        """Return all files except the manifest, sorted, keyed by their path relative to the root."""
        found = (path for path in self.root.rglob("*") if path.is_file() and path != self.manifest)
        return {str(path.relative_to(self.root)): path for path in sorted(found)}


def write_file(target: Path, content: bytes, changes: int = 0) -> None:
    """Write a file atomically; its modification time is a fixed date plus one day per change."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(content)
    moment = _EPOCH + changes * _DAY
    os.utime(partial, (moment, moment))
    partial.replace(target)
