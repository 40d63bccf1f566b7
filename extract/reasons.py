"""Why extraction drops something: the stage's closed vocabulary, beside that of ``extract.images``."""

from typing import Literal, get_args

__all__ = ["FILE_REASONS", "FRAME_REASONS", "SOUND_REASONS", "FileReason", "FrameReason", "SoundReason"]

FileReason = Literal[
    "corrupt_object",
    "crashed",
    "memory",
    "not_allowed_container",
    "output_limit",
    "timeout",
    "too_large",
]
"""The whole file gave nothing: frames and sound of a video are both dropped for it.

``corrupt_object``: the store cannot give it back; ``crashed``: its decoder ended itself; ``memory``,
``timeout``, ``output_limit``, ``too_large``: it hit that limit; ``not_allowed_container``: its first
bytes are none of the allowed containers.
"""

FrameReason = Literal[
    "broken_video",
    "no_video",
    "too_long",
    "too_many_pixels",
    "unsupported_codec",
]
"""A video gave no frames: nothing intact in it; no video stream; a limit; a codec that is not allowed."""

SoundReason = Literal["broken_sound", "no_sound", "silent", "sound_too_long", "unsupported_sound"]
"""A video gave no sound: nothing intact in its stream; no stream; only silence; a limit; a codec not allowed."""

FILE_REASONS: tuple[FileReason, ...] = get_args(FileReason)
FRAME_REASONS: tuple[FrameReason, ...] = get_args(FrameReason)
SOUND_REASONS: tuple[SoundReason, ...] = get_args(SoundReason)
