"""The generated dataset as an export: shards and a manifest as ``m5data export`` writes them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.scale.generated import MODALITIES, World, generate
from export import parquet_shards, webdataset_shards
from export.folders import LocalFolder
from export.shards import Shard, ShardWriter, as_rows, write_manifest, write_shards

__all__ = ["write_world"]

ROLES = {"query-c": "query", "gallery-c": "gallery"}
_FORMS: Mapping[str, tuple[str, Callable[[Path], ShardWriter]]] = {
    "parquet": (parquet_shards.SUFFIX, parquet_shards.open_parquet_shard),
    "webdataset": (webdataset_shards.SUFFIX, webdataset_shards.open_tar_shard),
}


def write_world(
    world: World,
    folder: Path,
    sizes: Mapping[str, int],
    forms: tuple[str, ...] = ("parquet",),
    max_bytes: int = 8 * 1024**2,
) -> Path:
    """Write splits of a world (split -> samples) and return ``folder``."""
    target = LocalFolder(folder)
    splits: dict[str, dict[str, object]] = {}
    for split, samples in sizes.items():
        splits[split] = {}
        for form in forms:
            suffix, open_writer = _FORMS[form]
            rows = generate(world, split, samples, ROLES.get(split, "sample"))
            shards: list[Shard] = []
            for count, size, digest in write_shards(rows, open_writer, target.draft, max_bytes):
                shards.append(Shard(f"{len(shards):05d}{suffix}", count, size, digest))
                target.publish(f"{form}/{split}/{shards[-1].file}")
            splits[split][form] = as_rows(shards)
    tables = {"splits": world.seed}
    write_manifest(target, {"recipe": "generated", "tables": tables, "modalities": list(MODALITIES), "splits": splits})
    return folder
