"""MFCC and mel bands by librosa's definitions."""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.errors import MediaError

__all__ = ["mel_filters", "mel_power", "mfcc", "released_mel"]

Samples = NDArray[np.float32]

_BREAK_HZ = 1000.0
_HZ_PER_MEL = 200.0 / 3
_LOG_STEP = np.log(6.4) / 27.0
_BLOCK = 64  # frames whose spectra stay in a core's cache; more would also start further threads


@lru_cache(maxsize=8)
def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> Samples:
    """Return triangular filters of unit area, [n_mels, 1 + n_fft / 2], read-only.

    Equal to ``librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)``: from 0 Hz to half
    the rate, on Slaney's mel scale (linear below 1 kHz, logarithmic above), Slaney's norm. To import that
    function takes a decoder process longer than a clip.
    """
    bins = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(sample_rate / 2), n_mels + 2))
    width = np.diff(edges)
    ramps = np.subtract.outer(edges, bins)  # [n_mels + 2, bins]
    lower = -ramps[:-2] / width[:-1, None]
    upper = ramps[2:] / width[1:, None]
    filters: Samples = np.maximum(0, np.minimum(lower, upper)).astype(np.float32)
    filters *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    filters.setflags(write=False)
    return filters


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _HZ_PER_MEL
    return float(_BREAK_HZ / _HZ_PER_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mels * _HZ_PER_MEL
    knee = _BREAK_HZ / _HZ_PER_MEL
    return np.where(mels < knee, linear, _BREAK_HZ * np.exp(_LOG_STEP * (mels - knee)))


def mel_power(samples: Samples, sample_rate: int, *, n_mels: int, n_fft: int = 1024, hop_length: int = 256) -> Samples:
    """Return the power in mel bands, float32 [n_mels, T], T = 1 + len(samples) // hop_length.

    Equal to ``librosa.feature.melspectrogram`` with its defaults: periodic Hann window, frames
    centred on multiples of the hop, zeros beyond the ends, squared magnitude.

    Args:
        samples: One channel, float, 1-D, not empty, finite.
        sample_rate: Hz.
        n_mels: Bands.
        n_fft: Frame size, samples.
        hop_length: Hop, samples.

    Raises:
        MediaError: ``broken_sound``, the samples are empty, not 1-D, not floating-point, or not finite.
    """
    audio = _check_samples(samples)
    frames = sliding_window_view(np.pad(audio, n_fft // 2), n_fft)[::hop_length]
    window = _hann(n_fft)
    filters = mel_filters(sample_rate, n_fft, n_mels)
    mel = np.empty((n_mels, len(frames)), np.float32)
    for at in range(0, len(frames), _BLOCK):
        spectrum = np.fft.rfft(frames[at : at + _BLOCK] * window, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        np.matmul(filters, power.T, out=mel[:, at : at + _BLOCK])
    return mel


def _hann(size: int) -> Samples:
    """Return the periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


def _check_samples(samples: Samples) -> Samples:
    given = np.asarray(samples)
    if not np.issubdtype(given.dtype, np.floating):
        raise MediaError(
            "broken_sound",
            f"samples must be floating-point, 1.0 being full scale; they are {given.dtype}. "
            "Divide integers by their largest magnitude.",
        )
    audio = np.ascontiguousarray(given, dtype=np.float32)
    if given.ndim != 1 or audio.size == 0:
        raise MediaError(
            "broken_sound", f"samples must be 1-D (one channel) and not empty; their shape is {given.shape}"
        )
    if not np.isfinite(audio).all():
        raise MediaError("broken_sound", "samples must be finite; some are NaN or infinite")
    return audio


_FLOOR = 1e-10
_RANGE_DB = 80.0
_RELEASED_RATE = 16_000
_RELEASED_SECONDS = 12
_RELEASED_MELS = 80


def mfcc(
    samples: NDArray[np.float32],
    sample_rate: int,
    backend: Literal["numpy", "librosa"] = "numpy",
    *,
    n_mfcc: int = 20,
    n_mels: int = 128,
    n_fft: int = 1024,
    hop_length: int = 256,
) -> NDArray[np.float32]:
    """Return mel-frequency cepstral coefficients, float32 [n_mfcc, T], T = 1 + len(samples) // hop_length.

    Frame size 1,024 and hop 256 are M5Product's (section 3.1). The definition is librosa's: power in
    mel bands, in decibels, clipped at 80 below the loudest, orthonormal DCT-II. The backend ``numpy``
    equals ``librosa.feature.mfcc`` to 1e-5 of the largest magnitude and starts three seconds sooner; the
    backend ``librosa`` calls that function.

    Args:
        samples: One channel, float, 1-D, not empty, finite.
        sample_rate: Hz.
        backend: Library that computes them.
        n_mfcc: Coefficients, at most ``n_mels``.
        n_mels: Mel bands.
        n_fft: Frame size, samples.
        hop_length: Hop, samples.

    Raises:
        MediaError: ``broken_sound``, the samples are empty, not 1-D, not floating-point, or not finite.
    """
    if backend == "librosa":
        import librosa  # noqa: PLC0415 - slow to load

        coefficients: Samples = librosa.feature.mfcc(
            y=_check_samples(samples), sr=sample_rate, n_mfcc=n_mfcc, n_mels=n_mels, n_fft=n_fft, hop_length=hop_length
        )
        return coefficients
    mel = mel_power(samples, sample_rate, n_mels=n_mels, n_fft=n_fft, hop_length=hop_length)
    decibels = np.log10(np.maximum(mel, _FLOOR, out=mel), out=mel)
    decibels *= 10.0
    np.maximum(decibels, decibels.max() - _RANGE_DB, out=decibels)
    return _dct(n_mels)[:n_mfcc] @ decibels


def released_mel(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Return the features that M5Product's released code reads instead of MFCC, float32 [80, T], T at most 751.

    Power in 80 mel bands of the first 12 s at 16 kHz, frame 1,024, hop 256; no logarithm, no DCT.

    Raises:
        MediaError: ``broken_sound``, as of ``mel_power``, or the samples are not at 16 kHz.
    """
    if sample_rate != _RELEASED_RATE:
        raise MediaError("broken_sound", f"samples must be at {_RELEASED_RATE} Hz, not {sample_rate} Hz; resample them")
    return mel_power(samples[: _RELEASED_SECONDS * _RELEASED_RATE], sample_rate, n_mels=_RELEASED_MELS)


@lru_cache(maxsize=8)
def _dct(size: int) -> NDArray[np.float32]:
    """Return the orthonormal DCT-II as a matrix, [size, size], one row per coefficient."""
    angles = np.pi / size * np.outer(np.arange(size), np.arange(size) + 0.5)
    matrix = np.sqrt(2.0 / size) * np.cos(angles)
    matrix[0] /= np.sqrt(2.0)
    single: NDArray[np.float32] = matrix.astype(np.float32)
    single.setflags(write=False)
    return single
