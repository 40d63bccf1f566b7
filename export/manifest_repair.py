"""Bring an export's manifest and its other descriptions up to date with its files."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.folders import LocalFolder
from export.shard_files import MANIFEST, write_manifest

__all__ = ["repair_manifest"]

_DESCRIPTIONS = ("*.md", "*.json")


def repair_manifest(folder: Path, samples: Mapping[Path, int]) -> None:
    """Correct sizes, hashes and numbers of samples of the shards that changed; those that are gone go.

    Where a shard has other bytes than the manifest says though it did not change now, a run that was
    killed changed it. Hashes of changed shards are also replaced in every other description.

    Args:
        folder: The export's.
        samples: Shard that changed -> samples left in it.
    """
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    hashes: dict[str, str] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for split, formats in manifest["splits"].items():
        before = _total(formats)
        for form, shards in formats.items():
            formats[form] = [
                entry
                for shard in shards
                if (entry := _entry(folder / form / split, shard, samples, hashes)) is not None
            ]
        sizes[split] = before, _total(formats)
    write_manifest(LocalFolder(folder), manifest)
    _describe(folder, hashes, sizes)


def _entry(
    folder: Path, shard: dict[str, Any], samples: Mapping[Path, int], hashes: dict[str, str]
) -> dict[str, Any] | None:
    path = folder / shard["file"]
    if not path.is_file():
        return None
    if path not in samples and path.stat().st_size == shard["bytes"]:
        return shard
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    hashes[shard["sha256"]] = digest
    return {**shard, "samples": samples.get(path, shard["samples"]), "bytes": path.stat().st_size, "sha256": digest}


def _total(formats: Mapping[str, list[dict[str, Any]]]) -> int:
    return max((sum(shard["samples"] for shard in shards) for shards in formats.values()), default=0)


def _describe(folder: Path, hashes: Mapping[str, str], sizes: Mapping[str, tuple[int, int]]) -> None:
    for path in sorted(path for pattern in _DESCRIPTIONS for path in folder.glob(pattern) if path.name != MANIFEST):
        text = before = path.read_text(encoding="utf-8")
        for old, new in hashes.items():
            text = text.replace(old, new)
        for split, (old_size, new_size) in sizes.items():
            row = rf"^\| {re.escape(split)} \| {old_size} \|$"
            text = re.sub(row, f"| {split} | {new_size} |", text, flags=re.MULTILINE)
        if text != before:
            path.write_text(text, encoding="utf-8")
