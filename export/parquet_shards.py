"""Parquet shards with the features of Hugging Face ``datasets`` (Image, Audio, lists)."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.files import file_sha256
from core.five_modalities import TEXT_FEATURE
from core.modalities import Sample, ShardColumn, modalities

__all__ = ["SUFFIX", "ParquetShard", "open_parquet_shard", "shard_columns"]

SUFFIX = ".parquet"
ROWS_A_GROUP = 64

_TEXTS = ("product_id", "split", "role", "label", "label_level", "group_id", "source", "url", "licence")
_LEVELS = ("class", "sub_class", "subsub_class")
_TEXTS_FEATURE: Mapping[str, object] = {"feature": TEXT_FEATURE, "_type": "List"}
_INTEGER: Mapping[str, object] = {"dtype": "int64", "_type": "Value"}


def shard_columns() -> tuple[ShardColumn, ...]:
    """Return the columns of a shard in order: facts, modalities without media files, modalities with them."""
    facts = [ShardColumn(name, pa.string(), TEXT_FEATURE, _attribute(name), "sc:Text") for name in _TEXTS]
    facts.append(ShardColumn("purposes", pa.list_(pa.string()), _TEXTS_FEATURE, _purposes, "sc:Text"))
    ids = [ShardColumn(f"{level}_id", pa.int64(), _INTEGER, _class(f"{level}_id"), "sc:Integer") for level in _LEVELS]
    names = [
        ShardColumn(f"{level}_name", pa.string(), TEXT_FEATURE, _class(f"{level}_name"), "sc:Text") for level in _LEVELS
    ]
    by_media = sorted(modalities(), key=lambda modality: bool(modality.members))
    return (*facts, *ids, *names, *(column for modality in by_media for column in modality.columns))


def _attribute(name: str) -> Callable[[Sample, int], object]:
    return lambda sample, _: getattr(sample, name)


def _purposes(sample: Sample, number: int) -> object:
    del number
    return list(sample.purposes)


def _class(name: str) -> Callable[[Sample, int], object]:
    return lambda sample, _: sample.classes[name]


def _schema(columns: Sequence[ShardColumn]) -> pa.Schema:
    features = {column.name: column.feature for column in columns}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([pa.field(column.name, column.type) for column in columns], metadata=metadata)


class ParquetShard:
    """One Parquet file with one row per sample; absent modalities are NULL (specs and frames: empty)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns = shard_columns()
        self._schema = _schema(self._columns)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", write_statistics=["product_id"])
        self._rows: list[dict[str, object]] = []

    def add(self, sample: Sample, number: int) -> None:
        """Add a row."""
        self._rows.append({column.name: column.value(sample, number) for column in self._columns})
        if len(self._rows) == ROWS_A_GROUP:
            self._flush()

    def close(self) -> str:
        """Write the remaining rows and the footer; return the file's SHA-256."""
        self._flush()
        self._writer.close()
        return file_sha256(self._path)

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def open_parquet_shard(path: Path) -> ParquetShard:
    """Open a new Parquet shard at ``path``."""
    return ParquetShard(path)
