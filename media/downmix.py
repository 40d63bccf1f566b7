"""Mixing of channels: to mono as librosa does, to stereo by ITU-R BS.775."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["to_mono", "to_stereo"]

Samples = NDArray[np.float32]

_HALF_POWER = 0.5**0.5
_SHARES = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (_HALF_POWER, _HALF_POWER),
    "LFE": (0.0, 0.0),
    "LFE2": (0.0, 0.0),
    "BL": (_HALF_POWER, 0.0),
    "BR": (0.0, _HALF_POWER),
    "SL": (_HALF_POWER, 0.0),
    "SR": (0.0, _HALF_POWER),
    "FLC": (1.0, 0.0),
    "FRC": (0.0, 1.0),
    "BC": (0.5, 0.5),
    "DL": (1.0, 0.0),
    "DR": (0.0, 1.0),
}
"""Share of a channel, by FFmpeg's name, in left and right, as FFmpeg mixes; low-frequency effects are left out."""
_OTHER = (0.5, 0.5)


def to_mono(samples: Samples) -> Samples:
    """Return the mean of the channels, [samples, 1], of samples [channels, samples]."""
    mean: Samples = samples.mean(axis=0, dtype=np.float32)
    return mean[:, None]


def to_stereo(samples: Samples, names: Sequence[str]) -> Samples:
    """Return two channels, [samples, 2], of samples [channels, samples].

    Stereo stays as it is, and mono is heard on both sides. Of more channels, the shares of a side add up to at most 1,
    so that a mix never exceeds full scale.

    Args:
        samples: The channels.
        names: FFmpeg's name of each channel.
    """
    if len(samples) == 1:
        return np.repeat(samples.T, 2, axis=1)
    if len(samples) == 2:
        return np.ascontiguousarray(samples.T)
    shares = np.array([_SHARES.get(name, _OTHER) for name in names], np.float32)
    scale = max(1.0, float(shares.sum(axis=0).max()))
    return np.ascontiguousarray(samples.T @ (shares / np.float32(scale)))
