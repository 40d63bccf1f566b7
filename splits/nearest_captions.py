"""The likest captions of a few items among very many."""

import numpy as np
import pyarrow as pa

from splits.components import Flags, Rows
from splits.keys import Keys, mix

__all__ = ["CaptionSearch"]

_WINDOW = 6  # bytes: two Chinese characters, or six Latin letters
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
_NOTHING = np.uint64(2**64 - 1)
_MOST = 200  # candidates that one caption is compared with in a batch: boilerplate has thousands


class CaptionSearch:
    """Looks for the likest captions, batch by batch.

    Candidates agree in one of three min-wise hashes (Broder 1997) of their six-byte pieces: one of
    similarity s is found with probability 1 - (1 - s)^3, .999 at s = .9 and .875 at s = .5.
    """

    def __init__(self, captions: list[str]) -> None:
        self._wanted = [_pieces(caption) for caption in captions]
        self._sketch = _sketch(pa.array(captions, pa.string()))
        self.similarity = np.zeros(len(captions))
        """Jaccard similarity of the two-character pieces of each caption and the likest found so far."""
        self.likest: list[str | None] = [None] * len(captions)
        """Product of that caption; None: no candidate so far."""

    def look_in(self, ids: pa.Array, captions: pa.Array) -> None:
        """Compare with the captions of a batch of products, none of them NULL."""
        for number, rows in self._candidates(_sketch(captions)).items():
            for row in sorted(rows)[:_MOST]:
                likeness = _jaccard(self._wanted[number], _pieces(captions[row].as_py()))
                if likeness > self.similarity[number]:
                    self.similarity[number], self.likest[number] = likeness, ids[row].as_py()

    def _candidates(self, sketch: Keys) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for own, other in zip(self._sketch.T, sketch.T, strict=True):
            owners: dict[int, list[int]] = {}
            for number, value in enumerate(own.tolist()):
                owners.setdefault(value, []).append(number)
            rows = np.flatnonzero(np.isin(other, own))
            for row, value in zip(rows.tolist(), other[rows].tolist(), strict=True):
                for number in owners[value]:
                    found.setdefault(number, set()).add(row)
        return found


def _pieces(caption: str) -> set[str]:
    return {caption[place : place + 2] for place in range(max(len(caption) - 1, 1))}


def _jaccard(left: set[str], right: set[str]) -> float:
    return len(left & right) / len(left | right)


def _sketch(captions: pa.Array) -> Keys:
    """Return the min-wise hashes of each caption, ``[captions, hashes]``; all bits set where it is too short."""
    _, edges, data = captions.buffers()
    offsets = np.frombuffer(edges, np.int32)[captions.offset : captions.offset + len(captions) + 1].astype(np.int64)
    text = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]].astype(np.uint64)
    starts, lengths = offsets[:-1] - offsets[0], np.diff(offsets)
    padded = np.append(text, np.zeros(_WINDOW, dtype=np.uint64))
    windows = np.zeros(len(text) + 1, dtype=np.uint64)  # one more than the text: the last caption may be empty
    for place in range(_WINDOW):
        windows |= padded[place : place + len(windows)] << np.uint64(8 * place)
    hashes = mix(windows)
    whole = _whole(starts, lengths, len(windows))
    columns = [np.minimum.reduceat(np.where(whole, hashes * factor, _NOTHING), starts) for factor in _FACTORS]
    return np.where((lengths >= _WINDOW)[:, np.newaxis], np.stack(columns, axis=1), _NOTHING)


def _whole(starts: Rows, lengths: Rows, count: int) -> Flags:
    """Return which windows end within their caption."""
    whole = np.ones(count, dtype=bool)
    long = lengths >= _WINDOW
    whole[-1] = False
    for back in range(1, _WINDOW):
        whole[(starts + lengths)[long] - back] = False
    return whole
