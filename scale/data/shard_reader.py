"""Reader of a shard's samples, in either format; media stay encoded."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.errors import DataError
from core.tar import read_members
from scale.data.blocks import split_into_blocks
from scale.data.shard_folder import ShardFile

__all__ = ["DamagedShardError", "RawSample", "read_samples", "readable_samples"]


@dataclass(frozen=True, slots=True)
class RawSample:
    """One sample; an absent modality is None, or empty."""

    product_id: str
    label: str | None
    """Samples with the same label count as the same; None for a distractor."""
    group_id: str
    """Listings of one group are the same product, or nearly."""
    caption: str | None
    specs: Sequence[tuple[str, str]]
    """Property and value, in the order of the page."""
    image: bytes | None
    frames: Sequence[bytes]
    """JPEG of each second, in order."""
    audio: bytes | None
    """mp3."""
    mfcc: NDArray[np.float32] | None
    """[n_mfcc, T]."""
    image_text: Sequence[str] = ()
    """Lines of text in its images; shards of an older version have none."""
    description: str | None = None


class DamagedShardError(DataError):
    """Samples of a shard cannot be read."""


def read_samples(path: Path, start: int, stop: int, *, media: bool = True) -> list[RawSample]:
    """Return samples ``start`` to ``stop`` of a shard; without ``media``, no image, frames or mp3.

    Raises:
        DamagedShardError: The file is damaged there, or is not a shard.
    """
    read = _read_parquet if path.suffix == ".parquet" else _read_tar
    try:
        return read(path, start, stop, media=media)
    except (OSError, pa.ArrowException, DataError, ValueError, KeyError, TypeError) as error:
        raise DamagedShardError(
            f"{path}: Samples {start} to {stop} cannot be read: {error!r}. Export again."
        ) from error


def readable_samples(shards: Sequence[ShardFile], *, media: bool) -> Iterator[tuple[Path, int, RawSample]]:
    """Yield shard, row and sample of all readable samples; damaged blocks are skipped."""
    for block in split_into_blocks(shards):
        try:
            samples = read_samples(block.shard.path, block.start, block.stop, media=media)
        except DamagedShardError:
            continue
        yield from ((block.shard.path, block.start + at, sample) for at, sample in enumerate(samples))


_COLUMNS = ["product_id", "label", "group_id", "caption", "specs", "mfcc", "image_text", "description"]
_MEDIA_COLUMNS = ["image", "frames", "audio"]


def _read_parquet(path: Path, start: int, stop: int, *, media: bool = True) -> list[RawSample]:
    """Return the samples in rows ``start`` to ``stop``; without ``media``, no image, frames or mp3.

    Raises:
        OSError, pyarrow.ArrowException, KeyError: The file is not such a shard, or is damaged.
    """
    with pq.ParquetFile(path) as file:
        table = _read_rows(file, start, stop, _COLUMNS + (_MEDIA_COLUMNS if media else []))
    return [_parquet_sample(row, media=media) for row in _rows(table)]


def _read_rows(file: pq.ParquetFile, start: int, stop: int, columns: list[str]) -> pa.Table:
    """Read only the row groups that hold the requested rows."""
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


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield rows as mappings; MFCC stay Arrow values, since Python numbers would be ten times as slow."""
    sounds = table.column("mfcc").combine_chunks()
    for row, sound in zip(table.drop_columns(["mfcc"]).to_pylist(), sounds, strict=True):
        yield {**row, "mfcc": sound}


def _parquet_sample(row: dict[str, Any], *, media: bool) -> RawSample:
    return RawSample(
        product_id=row["product_id"],
        label=row["label"],
        group_id=row["group_id"],
        caption=row["caption"],
        specs=[(spec["name"], spec["value"]) for spec in row["specs"] or ()],
        image=_bytes(row["image"]) if media else None,
        frames=[frame["bytes"] for frame in row["frames"] or ()] if media else (),
        audio=_bytes(row["audio"]) if media else None,
        mfcc=_parquet_mfcc(row["mfcc"]),
        image_text=row.get("image_text") or (),
        description=row.get("description"),
    )


def _bytes(file: dict[str, bytes] | None) -> bytes | None:
    return file["bytes"] if file else None


def _parquet_mfcc(value: pa.ListScalar) -> NDArray[np.float32] | None:
    if not value.is_valid or not len(value.values):
        return None
    array: NDArray[np.float32] = value.values.flatten().to_numpy().reshape(len(value.values), -1)
    return array


_MEMBERS = ("json", "mfcc.npy")
_MAY_LACK = "image.jpg"
"""Member that samples without an image do not have."""
_MEDIA_MEMBERS = (_MAY_LACK, "frames.mjpeg", "audio.mpga")


def _read_tar(path: Path, start: int, stop: int, *, media: bool = True) -> list[RawSample]:
    """Return samples ``start`` to ``stop``; without ``media``, no image, frames or mp3.

    Earlier members are skipped by their headers, not read.

    Raises:
        OSError, DataError, ValueError, KeyError: The file is not such a shard, or is damaged.
    """
    wanted = _MEMBERS + (_MEDIA_MEMBERS if media else ())
    samples: dict[str, dict[str, bytes]] = {}
    with closing(read_members(path)) as members:
        for member in members:
            if member.sample not in samples:
                if len(samples) == stop:
                    break
                samples[member.sample] = {}
            if len(samples) > start and member.extension in wanted:
                samples[member.sample][member.extension] = member.read()
    found = []
    for payloads in list(samples.values())[start:stop]:
        if missing := set(wanted) - payloads.keys() - {_MAY_LACK}:
            raise KeyError(min(missing))
        found.append(_tar_sample(payloads))
    if len(found) < stop - start:
        raise ValueError(f"{start + len(found)} samples, wanted {stop}")
    return found


def _tar_sample(payloads: dict[str, bytes]) -> RawSample:
    facts = json.loads(payloads["json"])
    return RawSample(
        product_id=facts["product_id"],
        label=facts["label"],
        group_id=facts["group_id"],
        caption=facts["caption"],
        specs=[(spec["name"], spec["value"]) for spec in facts["specs"]],
        image=payloads.get(_MAY_LACK) or None,
        frames=_frames(facts["frames"], payloads.get("frames.mjpeg", b"")),
        audio=payloads.get("audio.mpga") or None,
        mfcc=_tar_mfcc(payloads["mfcc.npy"]),
        image_text=facts.get("image_text", ()),
        description=facts.get("description"),
    )


def _frames(index: list[dict[str, Any]], whole: bytes) -> list[bytes]:
    return [whole[row["offset"] : row["offset"] + row["length"]] for row in index] if whole else []


def _tar_mfcc(payload: bytes) -> NDArray[np.float32] | None:
    array: NDArray[np.float32] = np.load(io.BytesIO(payload), allow_pickle=False)
    return array if array.size else None
