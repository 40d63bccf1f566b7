"""The stored audio of a video: mp3 and features."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import ffmpeg
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray

from core.errors import MediaError
from core.processes.children import ProgramError, run_program
from extract import moviepy_backend
from extract.results import Audio
from media.audio import DecodedAudio
from media.mel import mfcc, released_mel

if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import AudioSettings, FeatureSettings

__all__ = ["describe_feature", "encode_audio", "encode_mp3", "feature_rate"]


def encode_mp3(samples: Sequence[NDArray[np.float32]], *, sample_rate: int, channels: int, bitrate: int) -> bytes:
    """Return samples as mp3 of constant bitrate; the same samples produce the same bytes.

    Its first frame states the encoder's delay, so that decoders drop it: 1,105 samples, 25 ms at 44.1 kHz. FFmpeg
    writes that frame last, so the output is a file. LAME's level 7 is its fast preset; FFmpeg's default, level 5, takes
    2.5 times as long. The FFmpeg binary gets decoded samples and never sees a stranger's file. It is 2.6 times as fast
    as PyAV's libmp3lame.

    Args:
        samples: Consecutive parts, [samples, channels], 1.0 being full scale.
        sample_rate: One of ``media.audio.MP3_RATES``.
        channels: 1 or 2.
        bitrate: Bits per second.

    Raises:
        MediaError: ``broken_sound``, the encoder fails.
    """
    bare = {"id3v2_version": 0, "fflags": "+bitexact", "flags:a": "+bitexact", "threads": 1}
    mp3 = {"acodec": "libmp3lame", "audio_bitrate": bitrate, "compression_level": 7, "format": "mp3"}
    given = ffmpeg.input("pipe:0", format="f32le", ar=sample_rate, ac=channels)
    quiet = given.output("fd:", fd=1, **mp3, **bare).global_args("-hide_banner", "-loglevel", "error")
    data = b"".join(part.astype("<f4", copy=False).tobytes() for part in samples)
    with TemporaryFile() as file:
        try:
            run_program(quiet.compile(cmd=_encoder()), data=data, into=file)
        except ProgramError as error:
            raise MediaError("broken_sound", f"the mp3 encoder ended with {error.returncode}") from error
        file.seek(0)
        encoded = file.read()
    if not encoded:
        raise MediaError("broken_sound", "the mp3 encoder wrote nothing")
    return encoded


@cache
def _encoder() -> str:
    """Return the path of the bundled binary, else of the one that ``imageio-ffmpeg`` finds with a test run."""
    bundled = [
        path for path in files("imageio_ffmpeg").joinpath("binaries").iterdir() if path.name.startswith("ffmpeg-")
    ]
    return get_ffmpeg_exe() if len(bundled) != 1 or "IMAGEIO_FFMPEG_EXE" in os.environ else str(bundled[0])


_RELEASED_RATE = 16_000


def feature_rate(settings: FeatureSettings) -> int:
    """Return the sample rate that a feature is computed at, Hz."""
    return _RELEASED_RATE if settings.kind == "released_mel" else settings.sample_rate


def describe_feature(settings: FeatureSettings) -> str:
    """Return the definition of the stored arrays as JSON with sorted keys."""
    frames = {"kind": settings.kind, "sample_rate": feature_rate(settings)}
    if settings.kind == "released_mel":
        return json.dumps({**frames, "n_fft": 1024, "hop_length": 256, "n_mels": 80, "seconds": 12}, sort_keys=True)
    sizes = {"n_fft": settings.n_fft, "hop_length": settings.hop_length, "n_mels": settings.n_mels}
    backend = {} if settings.backend == "numpy" else {"backend": settings.backend}
    return json.dumps({**frames, **sizes, **backend}, sort_keys=True)


def encode_audio(audio: DecodedAudio, settings: AudioSettings, feature: FeatureSettings) -> Audio:
    """Return the mp3 and the feature array of decoded audio.

    Raises:
        MediaError: ``silent``, or ``broken_sound``.
    """
    if audio.peak < settings.silence_peak:
        raise MediaError(
            "silent", f"the loudest sample is {audio.peak:.2g} of full scale, below {settings.silence_peak:g}"
        )
    array = _compute_feature(audio.mono, feature)
    mp3 = _encode(audio, settings)
    return Audio(
        mp3=mp3,
        sample_rate=audio.sample_rate,
        duration_s=audio.duration_s,
        start_s=audio.start_s,
        gap_starts_s=tuple(gap.start_s for gap in audio.gaps),
        gap_lengths_s=tuple(gap.length_s for gap in audio.gaps),
        feature=array.astype("<f4", copy=False).tobytes(),
        rows=array.shape[0],
        columns=array.shape[1],
    )


def _encode(audio: DecodedAudio, settings: AudioSettings) -> bytes:
    if settings.backend == "moviepy":
        return moviepy_backend.encode_mp3(audio.parts, audio.sample_rate, settings.bitrate)
    return encode_mp3(audio.parts, sample_rate=audio.sample_rate, channels=audio.channels, bitrate=settings.bitrate)


def _compute_feature(mono: NDArray[np.float32], settings: FeatureSettings) -> NDArray[np.float32]:
    """Return the feature array that the settings ask for, [rows, columns]."""
    if settings.kind == "released_mel":
        return released_mel(mono, _RELEASED_RATE)
    return mfcc(
        mono,
        settings.sample_rate,
        settings.backend,
        n_mfcc=settings.n_mfcc,
        n_mels=settings.n_mels,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
    )
