"""From decoded sound to what is stored of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from extract.audio.decode import DecodedSound
from extract.audio.mfcc import mfcc, released_mel
from extract.audio.mp3 import encode_mp3
from extract.results import Sound
from m5data.errors import MediaError

if TYPE_CHECKING:  # decoder processes are given plain values, and do without pydantic
    from extract.settings import FeatureSettings, SoundSettings

__all__ = ["describe_feature", "feature_rate", "keep_sound"]

_RELEASED_RATE = 16_000


def feature_rate(settings: FeatureSettings) -> int:
    """Return the rate that the samples of a feature must have, Hz."""
    return _RELEASED_RATE if settings.kind == "released_mel" else settings.sample_rate


def describe_feature(settings: FeatureSettings) -> str:
    """Return what defines the stored arrays, as JSON with sorted keys."""
    frames = {"kind": settings.kind, "sample_rate": feature_rate(settings)}
    if settings.kind == "released_mel":
        return json.dumps({**frames, "n_fft": 1024, "hop_length": 256, "n_mels": 80, "seconds": 12}, sort_keys=True)
    sizes = {"n_fft": settings.n_fft, "hop_length": settings.hop_length, "n_mels": settings.n_mels}
    return json.dumps({**frames, **sizes}, sort_keys=True)


def keep_sound(sound: DecodedSound, settings: SoundSettings, feature: FeatureSettings) -> Sound:
    """Return mp3 and feature array of a sound.

    Raises:
        MediaError: ``silent``, or ``broken_sound``.
    """
    if sound.peak < settings.silence_peak:
        raise MediaError("silent", f"wanted a peak of {settings.silence_peak:g} or more, got {sound.peak:.2g}")
    array = _analyse(sound.mono, feature)
    mp3 = encode_mp3(sound.parts, sample_rate=sound.sample_rate, channels=sound.channels, bitrate=settings.bitrate)
    return Sound(
        mp3=mp3,
        sample_rate=sound.sample_rate,
        duration_s=sound.duration_s,
        feature=array.astype("<f4", copy=False).tobytes(),
        rows=array.shape[0],
        columns=array.shape[1],
    )


def _analyse(mono: NDArray[np.float32], settings: FeatureSettings) -> NDArray[np.float32]:
    """Return the feature array that the settings ask for, [rows, columns]."""
    if settings.kind == "released_mel":
        return released_mel(mono, _RELEASED_RATE)
    return mfcc(
        mono,
        settings.sample_rate,
        n_mfcc=settings.n_mfcc,
        n_mels=settings.n_mels,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
    )
