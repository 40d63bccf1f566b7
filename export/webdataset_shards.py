"""WebDataset shards: plain ustar files with the same five members in every sample.

A sample ``00000042`` has ``.json`` (caption, specifications, labels, which modalities are
present), ``.image.jpg``, ``.frames.mjpeg`` (JPEGs end to end; offsets in the JSON),
``.audio.mpga`` (mp3 by its other registered name: ``.mp3`` makes Hugging Face's loader ask for torch)
and ``.mfcc.npy`` ([n_mfcc, T]). An absent modality is an empty member (MFCC: an array of no
columns), because Hugging Face's loader drops members that the first samples lack.
"""

import io
import json
import tarfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from export.sample import Sample

__all__ = ["SUFFIX", "TarShard", "open_tar_shard", "write_end", "write_member"]

SUFFIX = ".tar"
BLOCK = 512


class TarShard:
    """One tar file; headers carry neither time nor owner, so equal samples give equal bytes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def add(self, sample: Sample, number: int) -> int:
        """Write the members of a sample; return the bytes written."""
        start = self._file.tell()
        for extension, payload in _members(sample):
            write_member(self._file, f"{number:08d}.{extension}", payload)
        return self._file.tell() - start

    def close(self) -> None:
        """Write the two empty blocks that end a tar file."""
        write_end(self._file)
        self._file.close()


def write_member(file: BinaryIO, name: str, payload: bytes) -> None:
    """Write one member at the end of a tar file."""
    header = tarfile.TarInfo(name)
    header.size = len(payload)
    file.write(header.tobuf(tarfile.USTAR_FORMAT))
    file.write(payload)
    file.write(bytes(-len(payload) % BLOCK))


def write_end(file: BinaryIO) -> None:
    """Write what a tar file ends with."""
    file.write(bytes(2 * BLOCK))


def open_tar_shard(path: Path) -> TarShard:
    """Open a new tar shard at ``path``."""
    return TarShard(path)


def _members(sample: Sample) -> tuple[tuple[str, bytes], ...]:
    return (
        ("json", json.dumps(_facts(sample), ensure_ascii=False, sort_keys=True).encode()),
        ("image.jpg", sample.image or b""),
        ("frames.mjpeg", b"".join(frame.jpeg for frame in sample.frames)),
        ("audio.mpga", sample.audio or b""),
        ("mfcc.npy", _npy(sample)),
    )


def _facts(sample: Sample) -> dict[str, object]:
    return {
        "product_id": sample.product_id,
        "split": sample.split,
        "role": sample.role,
        "label": sample.label,
        "label_level": sample.label_level,
        "group_id": sample.group_id,
        "source": sample.source,
        "url": sample.url,
        "licence": sample.licence,
        **sample.classes,
        "caption": sample.caption,
        "specs": [{"name": spec.property, "value": spec.value} for spec in sample.specs],
        "frames": _frame_index(sample),
        "present": sample.present,
    }


def _frame_index(sample: Sample) -> list[dict[str, float]]:
    rows, offset = [], 0
    for frame in sample.frames:
        rows.append({"second": frame.second, "pts_s": frame.pts_s, "offset": offset, "length": len(frame.jpeg)})
        offset += len(frame.jpeg)
    return rows


def _npy(sample: Sample) -> bytes:
    buffer = io.BytesIO()
    array = np.zeros((0, 0), dtype="<f4") if sample.mfcc is None else sample.mfcc.astype("<f4", copy=False)
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
