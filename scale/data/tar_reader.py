"""Samples of a WebDataset shard, by their numbers in it."""

import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scale.data.raw_sample import RawSample
from storage.tar import read_members

__all__ = ["SUFFIX", "read_tar"]

SUFFIX = ".tar"
_FACTS = ("json", "mfcc.npy")
_MEDIA = ("image.jpg", "frames.mjpeg", "audio.mpga")


def read_tar(path: Path, start: int, stop: int, *, media: bool = True) -> list[RawSample]:
    """Return samples ``start`` to ``stop``; without ``media``, neither picture, frames nor sound.

    Members before them are stepped over by their headers, not read.

    Raises:
        OSError, DataError, ValueError, KeyError: The file is not such a shard, or is damaged.
    """
    wanted = _FACTS + (_MEDIA if media else ())
    samples: dict[str, dict[str, bytes]] = {}
    with closing(read_members(path)) as members:
        for member in members:
            if member.sample not in samples:
                if len(samples) == stop:
                    break
                samples[member.sample] = {}
            if len(samples) > start and member.extension in wanted:
                samples[member.sample][member.extension] = member.read()
    found = [_sample({name: payloads[name] for name in wanted}) for payloads in list(samples.values())[start:stop]]
    if len(found) < stop - start:
        raise ValueError(f"{start + len(found)} samples, wanted {stop}")
    return found


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
