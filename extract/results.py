"""What extraction gives for one stored object, as plain values that cross a process border."""

from dataclasses import dataclass

__all__ = ["ClipResult", "Fault", "Frames", "KeptFrame", "Sound"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a result is missing."""

    reason: str
    """One word of ``extract.reasons``, or of ``extract.images``."""
    detail: str = ""
    """What was wanted and what came, one line."""


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """One whole second of a video. Seconds of a gap share one JPEG."""

    second: int
    pts_s: float
    """The frame's own time, seconds from the stream's start."""
    width: int
    """Pixels, after rotation."""
    height: int
    phash: int
    """64-bit perceptual hash, signed (``extract.images.frame_hash``)."""
    offset: int
    """Where its JPEG starts in the object, bytes."""
    length: int
    """Bytes of the JPEG."""


@dataclass(frozen=True, slots=True)
class Frames:
    """All kept frames of a video."""

    kept: tuple[KeptFrame, ...]
    """In the order of seconds."""
    jpegs: bytes
    """The JPEGs end to end, each once: a Motion JPEG stream."""
    way: str
    """``fast``, ``keyframe``, or ``full:`` and why the fast path did not fit."""


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound of a video."""

    mp3: bytes
    sample_rate: int
    """Of the mp3, Hz."""
    duration_s: float
    """Of the decoded sound, seconds."""
    feature: bytes
    """MFCC or mel: float32, little endian, row-major [rows, columns]."""
    rows: int
    """Coefficients or bands."""
    columns: int
    """Analysis frames."""


@dataclass(frozen=True, slots=True)
class ClipResult:
    """Both results of a video; one may be missing without the other."""

    frames: Frames | Fault
    sound: Sound | Fault
