"""Samples of a Parquet shard, by their rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scale.data.raw_sample import RawSample

__all__ = ["SUFFIX", "read_parquet"]

SUFFIX = ".parquet"
_FACTS = ["product_id", "label", "group_id", "caption", "specs", "mfcc"]
_MEDIA = ["image", "frames", "audio"]


def read_parquet(path: Path, start: int, stop: int, *, media: bool = True) -> list[RawSample]:
    """Return the samples in rows ``start`` to ``stop``; without ``media``, neither picture, frames nor sound.

    Raises:
        OSError, pyarrow.ArrowException, KeyError: The file is not such a shard, or is damaged.
    """
    with pq.ParquetFile(path) as file:
        table = _rows(file, start, stop, _FACTS + (_MEDIA if media else []))
    return [_sample(row, media=media) for row in _plain(table)]


def _rows(file: pq.ParquetFile, start: int, stop: int, columns: list[str]) -> pa.Table:
    """Read the row groups that hold the rows wanted, and no others."""
    groups: list[int] = []
    first = at = 0
    for index in range(file.num_row_groups):
        count = file.metadata.row_group(index).num_rows
        if at < stop and at + count > start:
            first = first if groups else at
            groups.append(index)
        at += count
    if at < stop:
        raise pa.ArrowInvalid(f"{at} rows, wanted {stop}")
    return file.read_row_groups(groups, columns=columns, use_threads=False).slice(start - first, stop - start)


def _plain(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield rows as mappings; MFCC stay Arrow values, since as Python numbers they would be ten times as slow."""
    sounds = table.column("mfcc").combine_chunks()
    for row, sound in zip(table.drop_columns(["mfcc"]).to_pylist(), sounds, strict=True):
        yield {**row, "mfcc": sound}


def _sample(row: dict[str, Any], *, media: bool) -> RawSample:
    return RawSample(
        product_id=row["product_id"],
        label=row["label"],
        group_id=row["group_id"],
        caption=row["caption"],
        specs=[(spec["name"], spec["value"]) for spec in row["specs"] or ()],
        image=_bytes(row["image"]) if media else None,
        frames=[frame["bytes"] for frame in row["frames"] or ()] if media else (),
        audio=_bytes(row["audio"]) if media else None,
        mfcc=_array(row["mfcc"]),
    )


def _bytes(file: dict[str, bytes] | None) -> bytes | None:
    return file["bytes"] if file else None


def _array(value: pa.ListScalar) -> NDArray[np.float32] | None:
    if not value.is_valid or not len(value.values):
        return None
    array: NDArray[np.float32] = value.values.flatten().to_numpy().reshape(len(value.values), -1)
    return array
