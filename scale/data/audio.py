"""Audio tokens: blocks of stored MFCC, or mel bands of the decoded mp3."""

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.errors import MediaError
from media.audio import decode_mp3

__all__ = ["RATE", "decode_audio", "mel_bands", "mel_spectrogram", "mfcc_blocks"]

RATE = 16_000
"""Samples per second."""
WINDOW = 1024
HOP = 256
BANDS = 80

Floats = NDArray[np.float32]


def mfcc_blocks(mfcc: Floats, tokens: int, coefficients: int) -> Floats:
    """Return [tokens, 2 * coefficients]: mean and standard deviation of each of ``tokens`` equal blocks of time.

    A clip with fewer steps than tokens repeats steps.

    Raises:
        MediaError: The array has another number of coefficients, or a value that is not finite.
    """
    if mfcc.ndim != 2 or mfcc.shape[0] != coefficients:
        raise MediaError(
            "mfcc_shape", f"The array has shape {list(mfcc.shape)} instead of [{coefficients}, T]. Set input.mfcc."
        )
    if not np.isfinite(mfcc).all():
        raise MediaError("mfcc_not_finite", f"{int((~np.isfinite(mfcc)).sum())} of {mfcc.size} values")
    steps = mfcc.shape[1]
    bounds = np.linspace(0, steps, tokens + 1)
    parts = [mfcc[:, int(a) : max(int(b), int(a) + 1)] for a, b in pairwise(bounds)]
    return np.stack([np.concatenate([part.mean(axis=1), part.std(axis=1)]) for part in parts]).astype(np.float32)


def mel_bands(mp3: bytes, seconds: float) -> Floats:
    """Return [80, steps]: the mel spectrogram of the first seconds at 16 kHz, padded with silence [C].

    Each step is standardised over its bands, as the released code does.

    Raises:
        MediaError: The mp3 cannot be decoded.
    """
    power = mel_spectrogram(decode_audio(mp3, seconds))
    bands: Floats = (power - power.mean(axis=0)) / (power.std(axis=0, ddof=1) + 1e-9)
    return bands


def mel_spectrogram(samples: Floats) -> Floats:
    """Return [80, 1 + samples // 256]: power in 80 HTK mel bands, without logarithm, as torchaudio computes it [C]."""
    padded = np.pad(samples, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    window = np.hanning(WINDOW + 1)[:-1]
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    bands: Floats = (_filters() @ power.T).astype(np.float32)
    return bands


def decode_audio(mp3: bytes, seconds: float) -> Floats:
    """Return the first seconds at 16 kHz, the mean of the channels, padded with silence: [seconds x 16,000].

    Raises:
        MediaError: The mp3 cannot be decoded.
    """
    return decode_mp3(mp3, RATE, seconds)


@cache
def _filters() -> NDArray[np.float64]:
    """Return triangular filters of peak one, evenly spaced on the HTK mel scale: [80, 513]."""
    edges = 700 * (10 ** (np.linspace(0.0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2) / 2595) - 1)
    frequencies = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rising, falling))
