"""Parquet shards with the features of Hugging Face ``datasets`` (Image, Audio, lists)."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from export.sample import Sample
from storage.files import file_sha256

__all__ = ["CROISSANT_TYPES", "SUFFIX", "ParquetShard", "open_parquet_shard"]

SUFFIX = ".parquet"
ROWS_A_GROUP = 64

_FILE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SPEC = pa.struct([("name", pa.string()), ("value", pa.string())])
_TEXTS = ("product_id", "split", "role", "label", "label_level", "group_id", "source", "url", "licence")
_LEVELS = ("class", "sub_class", "subsub_class")

CROISSANT_TYPES = {
    **dict.fromkeys(_TEXTS, "sc:Text"),
    **{f"{level}_id": "sc:Integer" for level in _LEVELS},
    **{f"{level}_name": "sc:Text" for level in _LEVELS},
    "caption": "sc:Text",
    "image": "sc:ImageObject",
}
"""Column -> type of the same field in Croissant; lists of frames and sound stay with Parquet's own schema."""


def _fields() -> list[tuple[str, pa.DataType, dict[str, object]]]:
    text: dict[str, object] = {"dtype": "string", "_type": "Value"}
    number: dict[str, object] = {"dtype": "int64", "_type": "Value"}
    levels = [(f"{level}_id", pa.int64(), number) for level in _LEVELS]
    names = [(f"{level}_name", pa.string(), text) for level in _LEVELS]
    return [
        *((name, pa.string(), text) for name in _TEXTS),
        *levels,
        *names,
        ("caption", pa.string(), text),
        ("specs", pa.list_(_SPEC), {"feature": {"name": text, "value": text}, "_type": "List"}),
        ("image", _FILE, {"_type": "Image"}),
        ("frames", pa.list_(_FILE), {"feature": {"_type": "Image"}, "_type": "List"}),
        (
            "frame_times_s",
            pa.list_(pa.float64()),
            {"feature": {"dtype": "float64", "_type": "Value"}, "_type": "List"},
        ),
        ("audio", _FILE, {"_type": "Audio"}),
        (
            "mfcc",
            pa.list_(pa.list_(pa.float32())),
            {
                "feature": {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "List"},
                "_type": "List",
            },
        ),
    ]


def _schema() -> pa.Schema:
    fields = _fields()
    features = {name: feature for name, _, feature in fields}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([pa.field(name, kind) for name, kind, _ in fields], metadata=metadata)


class ParquetShard:
    """One Parquet file, a row a sample; absent modalities are NULL (specs and frames: empty)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schema = _schema()
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", write_statistics=["product_id"])
        self._rows: list[dict[str, object]] = []

    def add(self, sample: Sample, number: int) -> int:
        """Add a row; return about the bytes it takes."""
        self._rows.append(_row(sample, number))
        if len(self._rows) == ROWS_A_GROUP:
            self._flush()
        media = len(sample.image or b"") + len(sample.audio or b"") + sum(len(frame.jpeg) for frame in sample.frames)
        return media + (0 if sample.mfcc is None else sample.mfcc.nbytes)

    def close(self) -> str:
        """Write what is left and the footer; return the file's SHA-256."""
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


def _row(sample: Sample, number: int) -> dict[str, object]:
    return {
        **{name: getattr(sample, name) for name in _TEXTS},
        **sample.classes,
        "caption": sample.caption,
        "specs": [{"name": spec.property, "value": spec.value} for spec in sample.specs],
        "image": _file(sample.image, f"{number:08d}.jpg"),
        "frames": [_file(frame.jpeg, f"{number:08d}-{frame.second:04d}.jpg") for frame in sample.frames],
        "frame_times_s": [frame.pts_s for frame in sample.frames],
        "audio": _file(sample.audio, f"{number:08d}.mp3"),
        "mfcc": None if sample.mfcc is None else list(sample.mfcc),
    }


def _file(payload: bytes | None, path: str) -> dict[str, object] | None:
    return None if payload is None else {"bytes": payload, "path": path}
