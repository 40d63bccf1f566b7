"""MFCC by librosa's definition."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from extract.audio.mel import mel_power
from m5data.errors import MediaError

__all__ = ["mfcc", "released_mel"]

_FLOOR = 1e-10
_RANGE_DB = 80.0
_PIECE = 64
_RELEASED_RATE = 16_000
_RELEASED_SECONDS = 12
_RELEASED_MELS = 80


def mfcc(
    samples: NDArray[np.float32],
    sample_rate: int,
    *,
    n_mfcc: int = 20,
    n_mels: int = 128,
    n_fft: int = 1024,
    hop_length: int = 256,
) -> NDArray[np.float32]:
    """Return mel-frequency cepstral coefficients, float32 [n_mfcc, T], T = 1 + len(samples) // hop_length.

    Frame size 1,024 and hop 256 are M5Product's (section 3.1). Equal, to 1e-5 of the largest
    magnitude, to ``librosa.feature.mfcc`` on the same samples: power in mel bands, in decibels,
    not below the loudest minus 80, orthonormal DCT-II.

    Args:
        samples: One channel, float, 1-D, not empty, finite.
        sample_rate: Hz.
        n_mfcc: Coefficients, at most ``n_mels``.
        n_mels: Mel bands.
        n_fft: Frame size, samples.
        hop_length: Hop, samples.

    Raises:
        MediaError: ``broken_sound``, the samples are not as wanted.
    """
    mel = mel_power(samples, sample_rate, n_mels=n_mels, n_fft=n_fft, hop_length=hop_length)
    decibels = np.log10(np.maximum(mel, _FLOOR, out=mel), out=mel)
    decibels *= 10.0
    np.maximum(decibels, decibels.max() - _RANGE_DB, out=decibels)
    return _transform(_dct(n_mels)[:n_mfcc], decibels)


def released_mel(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Return what M5Product's released code reads instead of MFCC, float32 [80, T], T at most 751.

    Power in 80 mel bands of the first 12 s at 16 kHz, frame 1,024, hop 256; no logarithm, no DCT.

    Raises:
        MediaError: ``broken_sound``, the samples are not as wanted, or not at 16 kHz.
    """
    if sample_rate != _RELEASED_RATE:
        raise MediaError("broken_sound", f"wanted samples at {_RELEASED_RATE} Hz, got {sample_rate}; resample them")
    return mel_power(samples[: _RELEASED_SECONDS * _RELEASED_RATE], sample_rate, n_mels=_RELEASED_MELS)


def _transform(matrix: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``matrix @ columns`` piece by piece: products so small stay on one thread, whose start would cost more."""
    product = np.empty((len(matrix), columns.shape[1]), np.float32)
    for at in range(0, columns.shape[1], _PIECE):
        np.matmul(matrix, columns[:, at : at + _PIECE], out=product[:, at : at + _PIECE])
    return product


@lru_cache(maxsize=8)
def _dct(size: int) -> NDArray[np.float32]:
    """Return the orthonormal DCT-II as a matrix, [size, size], a row a coefficient."""
    angles = np.pi / size * np.outer(np.arange(size), np.arange(size) + 0.5)
    matrix = np.sqrt(2.0 / size) * np.cos(angles)
    matrix[0] /= np.sqrt(2.0)
    single: NDArray[np.float32] = matrix.astype(np.float32)
    single.setflags(write=False)
    return single
