"""Results of one stored object, as plain values passed between processes, and reasons for missing ones."""

from dataclasses import dataclass
from typing import Literal, get_args

from core.processes.message import Fault

__all__ = [
    "AUDIO_REASONS",
    "FILE_REASONS",
    "FRAME_REASONS",
    "Audio",
    "AudioReason",
    "ClipResult",
    "FileReason",
    "FrameReason",
    "Frames",
    "KeptFrame",
]

FileReason = Literal[
    "corrupt_object",
    "crashed",
    "memory",
    "not_allowed_container",
    "output_limit",
    "timeout",
    "too_large",
]
"""Reasons why a whole file has no result: frames and audio of a video are both dropped.

``corrupt_object``: the stored bytes are damaged; ``crashed``: the decoder ended; ``memory``,
``timeout``, ``output_limit``, ``too_large``: that limit was hit; ``not_allowed_container``: the first
bytes are not those of an allowed container.
"""

FrameReason = Literal[
    "broken_video",
    "no_video",
    "too_long",
    "too_many_pixels",
    "unsupported_codec",
]
"""Reasons why a video has no frames: no intact frame; no video stream; a limit; a codec that is not allowed."""

AudioReason = Literal["broken_sound", "no_sound", "silent", "sound_too_long", "unsupported_sound"]
"""Reasons why a video has no audio: no intact packet; no stream; only silence; a limit; a codec not allowed."""

FILE_REASONS: tuple[FileReason, ...] = get_args(FileReason)
FRAME_REASONS: tuple[FrameReason, ...] = get_args(FrameReason)
AUDIO_REASONS: tuple[AudioReason, ...] = get_args(AudioReason)


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """The frame of one whole second of a video. Seconds of a gap share one JPEG."""

    second: int
    pts_s: float
    """The frame's own time, seconds from the stream's start."""
    width: int
    """Pixels, after rotation."""
    height: int
    phash: int
    """64-bit perceptual hash, signed (``media.hashes.frame_hash``)."""
    offset: int
    """Start of its JPEG in the object, bytes."""
    length: int
    """Size of the JPEG, bytes."""


@dataclass(frozen=True, slots=True)
class Frames:
    """All kept frames of a video."""

    kept: tuple[KeptFrame, ...]
    """Sorted by second."""
    jpegs: bytes
    """The JPEGs concatenated, each once: a Motion JPEG stream."""
    decode_path: str
    """``fast``, ``keyframe``, or ``full:`` and the reason why the fast path was not used."""


@dataclass(frozen=True, slots=True)
class Audio:
    """The audio of a video."""

    mp3: bytes
    sample_rate: int
    """Sample rate of the mp3, Hz."""
    duration_s: float
    """Duration of the mp3, with the silence that was filled in, seconds."""
    start_s: float
    """Start of the audio, seconds from the video's first frame."""
    gap_starts_s: tuple[float, ...]
    """Start of each gap in the audio, likewise."""
    gap_lengths_s: tuple[float, ...]
    """Length of each gap, seconds."""
    feature: bytes
    """MFCC or mel: float32, little endian, row-major [rows, columns]."""
    rows: int
    """Coefficients or bands."""
    columns: int
    """Analysis frames."""


@dataclass(frozen=True, slots=True)
class ClipResult:
    """Both results of a video; either may be missing without the other."""

    frames: Frames | Fault
    audio: Audio | Fault
