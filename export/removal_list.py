"""The list of products that were taken down, for those who have copies of shards.

JSON lines beside the exports: ``{"product_sha256": …, "removed": date}``. It holds SHA-256 of product
ids, for a list of what was taken down must not be a directory of it; a consumer hashes the
``product_id`` of each sample and leaves out those that are listed (``is_removed``).
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

from storage.files import replace_file

__all__ = ["REMOVED", "add_removed", "is_removed", "read_removed"]

REMOVED = "removed.jsonl"


def add_removed(folder: Path, products: Iterable[str], now: datetime) -> int:
    """Add products to the list in ``folder``, which is made if need be; return how many were new."""
    folder.mkdir(parents=True, exist_ok=True)
    known = read_removed(folder)
    fresh = sorted({_digest(product) for product in products} - known)
    if fresh:
        path = folder / REMOVED
        before = path.read_bytes() if path.is_file() else b""
        lines = (json.dumps({"product_sha256": digest, "removed": f"{now:%Y-%m-%d}"}) + "\n" for digest in fresh)
        replace_file(path, before + "".join(lines).encode())
    return len(fresh)


def read_removed(folder: Path) -> frozenset[str]:
    """Return the hashes in a folder's list; none where there is no list."""
    path = folder / REMOVED
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return frozenset(json.loads(line)["product_sha256"] for line in lines)


def is_removed(product_id: str, removed: Collection[str]) -> bool:
    """Tell whether a sample's product is in a list that ``read_removed`` returned."""
    return _digest(product_id) in removed


def _digest(product_id: str) -> str:
    return hashlib.sha256(product_id.encode()).hexdigest()
