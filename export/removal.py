"""Remove products from the files of an export, and bring its manifest and descriptions up to date."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import DataError
from core.files import replace_file, sync_file, sync_folder
from core.tar import read_members
from export.folders import LocalFolder
from export.manifest import CARD, CROISSANT, read_manifest, write_manifest
from export.webdataset_shards import END, member

__all__ = ["SHARDS", "Removed", "remove_from_shard", "repair_manifest", "shard_holds"]

_PRODUCTS = ("product_id", "candidate")
"""Columns that name a product, as far as a file has them; its row goes with the product."""
_NAMED = ("group_id", "label")
_FACTS = "json"


@dataclass(frozen=True, slots=True)
class Removed:
    """Products to remove, and the groups that were named after them."""

    products: Collection[str]
    groups: Mapping[str, str]
    """Group or label that is named after a product -> its new name."""

    def touches(self, sample: Mapping[str, Any]) -> bool:
        """Return whether a sample is removed or changed."""
        named = (sample.get(name) in self.groups for name in _NAMED)
        return any(sample.get(name) in self.products for name in _PRODUCTS) or any(named)

    def changed(self, sample: Mapping[str, Any]) -> dict[str, str]:
        """Return the names of groups in a sample that change -> their new ones."""
        return {name: self.groups[sample[name]] for name in _NAMED if sample.get(name) in self.groups}


def shard_holds(path: Path, removed: Removed) -> bool:
    """Return whether a shard holds or names one of the products."""
    return any(_SAMPLES[path.suffix](path, removed))


def remove_from_shard(path: Path, removed: Removed) -> int:
    """Rewrite a shard without the products, and return the number of samples left; an empty shard is deleted."""
    draft = path.with_name(path.name + ".part")
    left = SHARDS[path.suffix](path, draft, removed)
    if left:
        sync_file(draft)
        draft.replace(path)
    else:
        draft.unlink()
        path.unlink()
    sync_folder(path.parent)
    return left


def repair_manifest(folder: Path, samples: Mapping[Path, int]) -> None:
    """Correct the sizes, hashes and sample counts of changed shards, and drop deleted shards.

    A shard whose size differs from the manifest, although it is not in ``samples``, was changed by a killed run.
    Hashes of changed shards are also replaced in the card and the metadata.

    Args:
        folder: The export's folder.
        samples: Changed shard -> samples left in it.
    """
    local = LocalFolder(folder)
    manifest = read_manifest(local, folder)
    if manifest is None:
        raise DataError(
            f"{folder}: the manifest disappeared while the export was being changed. Run the take-down again."
        )
    hashes: dict[str, str] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for split, shards in manifest["splits"].items():
        entries = [_entry(folder / split, shard, samples, hashes) for shard in shards]
        manifest["splits"][split] = [entry for entry in entries if entry is not None]
        sizes[split] = _total(shards), _total(manifest["splits"][split])
    for split in manifest.get("published", {}).get("digest", {}):
        if sizes.get(split, (0, 0))[0] != sizes.get(split, (0, 0))[1]:
            manifest["published"]["digest"][split] = None
    for name in (CARD, CROISSANT):
        _correct(folder / name, hashes, sizes)
    write_manifest(local, manifest)


def _correct(path: Path, hashes: Mapping[str, str], sizes: Mapping[str, tuple[int, int]]) -> None:
    """Replace hashes and sample counts in a description, if it exists."""
    text = before = path.read_text(encoding="utf-8") if path.is_file() else ""
    for old, new in hashes.items():
        text = text.replace(old, new)
    for split, (old_size, new_size) in sizes.items():
        row = rf"^\| {re.escape(split)} \| {old_size} \|$"
        text = re.sub(row, f"| {split} | {new_size} |", text, flags=re.MULTILINE)
    if text != before:
        replace_file(path, text.encode())


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


def _total(shards: list[dict[str, Any]]) -> int:
    return sum(shard["samples"] for shard in shards)


def _samples_of_parquet(path: Path, removed: Removed) -> Iterator[bool]:
    names = [name for name in (*_PRODUCTS, *_NAMED) if name in pq.read_schema(path).names]
    rows = pq.read_table(path, columns=names).to_pylist()
    return (removed.touches(row) for row in rows)


def _samples_of_tar(path: Path, removed: Removed) -> Iterator[bool]:
    facts = (json.loads(one.read()) for one in read_members(path) if one.extension == _FACTS)
    return (removed.touches(sample) for sample in facts)


def _samples_of_records(path: Path, removed: Removed) -> Iterator[bool]:
    found = json.loads(path.read_text(encoding="utf-8"))
    records = found.values() if isinstance(found, dict) else found
    return (record["product_id"] in removed.products for record in records)


def _remove_from_parquet(path: Path, draft: Path, removed: Removed) -> int:
    """Write the shard without the products to ``draft``, a row group at a time; return the samples left."""
    left = 0
    gone = pa.array(sorted(removed.products), pa.string())
    with pq.ParquetFile(path) as shard:
        schema = shard.schema_arrow
        with pq.ParquetWriter(draft, schema, compression="zstd", write_statistics=["product_id"]) as writer:
            for group in range(shard.num_row_groups):
                rows = shard.read_row_group(group)
                for name in (name for name in _PRODUCTS if name in schema.names):
                    rows = rows.filter(pc.invert(pc.is_in(rows[name], value_set=gone)))
                for name in (name for name in _NAMED if name in schema.names):
                    values = [removed.groups.get(value, value) for value in rows[name].to_pylist()]
                    index = rows.schema.get_field_index(name)
                    rows = rows.set_column(index, rows.schema.field(name), pa.array(values, pa.string()))
                left += rows.num_rows
                if rows.num_rows:
                    writer.write_table(rows)
    return left


def _remove_from_tar(path: Path, draft: Path, removed: Removed) -> int:
    """Write the shard without the products to ``draft``, a member at a time; return the samples left.

    Samples keep their numbers. The facts of a sample are its first member.
    """
    left, gone = 0, ""
    with draft.open("wb") as file:
        for one in read_members(path):
            payload = one.read()
            if one.extension == _FACTS:
                sample = json.loads(payload)
                gone = one.sample if sample["product_id"] in removed.products else ""
                left += not gone
                if renamed := removed.changed(sample):
                    text = json.dumps({**sample, **renamed}, ensure_ascii=False, sort_keys=True)
                    payload = text.encode()
            if one.sample != gone:
                file.writelines(member(f"{one.sample}.{one.extension}", [payload]))
        file.write(END)
    return left


def _remove_from_records(path: Path, draft: Path, removed: Removed) -> int:
    """Write the file without the products to ``draft``, one entry per line; return the samples left."""
    found = json.loads(path.read_text(encoding="utf-8"))
    entries = found.items() if isinstance(found, dict) else (("", record) for record in found)
    left = [
        (f"{json.dumps(name)}: " if isinstance(found, dict) else "") + json.dumps(record, ensure_ascii=False)
        for name, record in entries
        if record["product_id"] not in removed.products
    ]
    opening, closing = ("{", "}") if isinstance(found, dict) else ("[", "]")
    draft.write_text(f"{opening}\n" + ",\n".join(left) + f"\n{closing}\n", encoding="utf-8")
    return len(left)


def _samples_of_lines(path: Path, removed: Removed) -> Iterator[bool]:
    with path.open(encoding="utf-8") as file:
        yield from (removed.touches(json.loads(line)) for line in file)


def _remove_from_lines(path: Path, draft: Path, removed: Removed) -> int:
    """Write the lines without the products to ``draft``; return the rows left."""
    left = 0
    with path.open(encoding="utf-8") as file, draft.open("w", encoding="utf-8", newline="\n") as kept:
        for line in file:
            row = json.loads(line)
            if any(row.get(name) in removed.products for name in _PRODUCTS):
                continue
            renamed = removed.changed(row)
            text = json.dumps({**row, **renamed}, ensure_ascii=False, separators=(",", ":")) + "\n" if renamed else line
            kept.write(text)
            left += 1
    return left


_SAMPLES: Mapping[str, Callable[[Path, Removed], Iterator[bool]]] = MappingProxyType(
    {
        ".parquet": _samples_of_parquet,
        ".tar": _samples_of_tar,
        ".json": _samples_of_records,
        ".jsonl": _samples_of_lines,
    }
)

SHARDS: Mapping[str, Callable[[Path, Path, Removed], int]] = MappingProxyType(
    {
        ".parquet": _remove_from_parquet,
        ".tar": _remove_from_tar,
        ".json": _remove_from_records,
        ".jsonl": _remove_from_lines,
    }
)
"""Suffix of files that hold samples -> the function that rewrites one without the products."""
