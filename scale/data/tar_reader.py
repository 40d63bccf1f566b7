"""Samples of a WebDataset shard, by their numbers in it."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scale.data.raw_sample import RawSample

__all__ = ["SUFFIX", "read_tar"]

SUFFIX = ".tar"
_FACTS = ("json", "mfcc.npy")
_MEDIA = ("image.jpg", "frames.mjpeg", "audio.mpga")


def read_tar(path: Path, start: int, stop: int, *, media: bool = True) -> list[RawSample]:
    """Return samples ``start`` to ``stop``; without ``media``, neither picture, frames nor sound.

    Members before them are stepped over by their headers, not read.

    Raises:
        OSError, tarfile.TarError, ValueError, KeyError: The file is not such a shard, or is damaged.
    """
    wanted = _FACTS + (_MEDIA if media else ())
    with tarfile.open(path, "r:") as archive:
        found = [_sample(_payloads(archive, one, wanted)) for one in _members(archive, start, stop)]
    if len(found) < stop - start:
        raise ValueError(f"{start + len(found)} samples, wanted {stop}")
    return found


def _members(archive: tarfile.TarFile, start: int, stop: int) -> list[dict[str, tarfile.TarInfo]]:
    """Return extension -> member of each sample wanted; a sample's members follow each other."""
    samples: dict[str, dict[str, tarfile.TarInfo]] = {}
    for member in archive:
        key, _, extension = member.name.partition(".")
        if key not in samples and len(samples) == stop:
            break
        samples.setdefault(key, {})[extension] = member
    return list(samples.values())[start:stop]


def _payloads(
    archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], wanted: tuple[str, ...]
) -> dict[str, bytes]:
    payloads = {}
    for extension in wanted:
        file = archive.extractfile(members[extension])
        payload = file.read() if file else b""
        if len(payload) != members[extension].size:
            raise ValueError(f"{members[extension].name}: {len(payload)} bytes, wanted {members[extension].size}")
        payloads[extension] = payload
    return payloads


def _sample(payloads: dict[str, bytes]) -> RawSample:
    facts = json.loads(payloads["json"])
    return RawSample(
        product_id=facts["product_id"],
        label=facts["label"],
        group_id=facts["group_id"],
        caption=facts["caption"],
        specs=[(spec["name"], spec["value"]) for spec in facts["specs"]],
        image=payloads.get("image.jpg") or None,
        frames=_frames(facts["frames"], payloads.get("frames.mjpeg", b"")),
        audio=payloads.get("audio.mpga") or None,
        mfcc=_array(payloads["mfcc.npy"]),
    )


def _frames(index: list[dict[str, Any]], whole: bytes) -> list[bytes]:
    return [whole[row["offset"] : row["offset"] + row["length"]] for row in index] if whole else []


def _array(payload: bytes) -> NDArray[np.float32] | None:
    array: NDArray[np.float32] = np.load(io.BytesIO(payload), allow_pickle=False)
    return array if array.size else None
