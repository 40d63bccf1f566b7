"""Removal of products from an export: from its shards, its manifest and the descriptions beside it.

Those who hold copies read ``removed.jsonl`` beside the exports: JSON lines
``{"product_sha256": …, "removed": date}``. It holds SHA-256 of product ids, so that the list of what was
taken down is not a directory of it; a consumer hashes the ``product_id`` of each sample and leaves out
those that are listed (``is_removed``).
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from export.folders import LocalFolder
from export.shards import MANIFEST, write_manifest
from export.webdataset_shards import END, member
from storage.files import replace_file
from storage.tar import read_members

__all__ = [
    "REMOVED",
    "Removal",
    "add_removed",
    "is_removed",
    "parquet_holds",
    "read_removed",
    "records_hold",
    "remove_from_parquet",
    "remove_from_records",
    "remove_from_tar",
    "repair_manifest",
    "tar_holds",
]


@dataclass(frozen=True, slots=True)
class Removal:
    """Products, and the names of groups that were theirs."""

    products: Collection[str]
    groups: Mapping[str, str]
    """Group or label that is called after a product -> its new name."""

    def names(self, product_id: object) -> bool:
        """Return whether a sample is removed."""
        return product_id in self.products

    def touches(self, product_id: object, group_id: object, label: object) -> bool:
        """Return whether a sample is removed or changed."""
        return self.names(product_id) or group_id in self.groups or label in self.groups


_NAMED = ("group_id", "label")


def parquet_holds(path: Path, removal: Removal) -> bool:
    """Return whether the shard holds or names one of the products."""
    rows = pq.read_table(path, columns=["product_id", *_NAMED]).to_pylist()
    return any(removal.touches(row["product_id"], row["group_id"], row["label"]) for row in rows)


def remove_from_parquet(path: Path, draft: Path, removal: Removal) -> int:
    """Write the shard without the products to ``draft``, a row group at a time; return the samples left."""
    left = 0
    with pq.ParquetFile(path) as shard:
        schema = shard.schema_arrow
        with pq.ParquetWriter(draft, schema, compression="zstd", write_statistics=["product_id"]) as writer:
            for group in range(shard.num_row_groups):
                rows = _without(shard.read_row_group(group), removal)
                left += rows.num_rows
                if rows.num_rows:
                    writer.write_table(rows)
    return left


def _without(rows: pa.Table, removal: Removal) -> pa.Table:
    gone = pc.is_in(rows["product_id"], value_set=pa.array(sorted(removal.products), pa.string()))
    rows = rows.filter(pc.invert(gone))
    for name in _NAMED:
        values = [removal.groups.get(value, value) for value in rows[name].to_pylist()]
        rows = rows.set_column(
            rows.schema.get_field_index(name), rows.schema.field(name), pa.array(values, pa.string())
        )
    return rows


_FACTS = "json"


def tar_holds(path: Path, removal: Removal) -> bool:
    """Return whether the shard holds or names one of the products."""
    every = (json.loads(one.read()) for one in read_members(path) if one.extension == _FACTS)
    return any(removal.touches(facts["product_id"], facts["group_id"], facts["label"]) for facts in every)


def remove_from_tar(path: Path, draft: Path, removal: Removal) -> int:
    """Write the shard without the products to ``draft``, a member at a time; return the samples left.

    Samples keep their numbers. The facts of a sample are its first member.
    """
    left, removed = 0, ""
    with draft.open("wb") as file:
        for one in read_members(path):
            payload = one.read()
            if one.extension == _FACTS:
                facts = json.loads(payload)
                removed = one.sample if removal.names(facts["product_id"]) else ""
                left += not removed
                payload = _renamed(facts, payload, removal)
            if one.sample != removed:
                file.writelines(member(f"{one.sample}.{one.extension}", [payload]))
        file.write(END)
    return left


def _renamed(facts: dict[str, Any], payload: bytes, removal: Removal) -> bytes:
    changed = {name: removal.groups[facts[name]] for name in ("group_id", "label") if facts[name] in removal.groups}
    return json.dumps({**facts, **changed}, ensure_ascii=False, sort_keys=True).encode() if changed else payload


def records_hold(path: Path, removal: Removal) -> bool:
    """Return whether a file of records holds one of the products."""
    return any(removal.names(record["product_id"]) for record in _records(_read(path)))


def remove_from_records(path: Path, draft: Path, removal: Removal) -> int:
    """Write the file without the products to ``draft``, an entry a line; return the samples left."""
    found = _read(path)
    left = [entry for entry, record in _entries(found) if not removal.names(record["product_id"])]
    opening, closing = ("{", "}") if isinstance(found, dict) else ("[", "]")
    draft.write_text(f"{opening}\n" + ",\n".join(left) + f"\n{closing}\n", encoding="utf-8")
    return len(left)


def _read(path: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads(path.read_text(encoding="utf-8"))


def _records(found: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    yield from found.values() if isinstance(found, dict) else found


def _entries(found: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - JSON
    """Yield each entry as its line, and the record in it."""
    if isinstance(found, dict):
        for name, record in found.items():
            yield f"{json.dumps(name)}: {json.dumps(record, ensure_ascii=False)}", record
    else:
        for record in found:
            yield json.dumps(record, ensure_ascii=False), record


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
    """Return whether a sample's product is in a list that ``read_removed`` returned."""
    return _digest(product_id) in removed


def _digest(product_id: str) -> str:
    return hashlib.sha256(product_id.encode()).hexdigest()
