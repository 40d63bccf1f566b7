"""The room ``extract``: what is told from media: frames, sound, features, image measures, duplicates.

Its pure functions work without a workspace. Names are imported when they are first used, so that a
decoder process, and ``m5data --help``, load no more than they need.
"""

from importlib import import_module
from typing import Any

__all__ = ["Frame", "extract_clip", "make_preview", "measure", "mfcc", "released_mel", "sample_frames"]

_HOMES = {
    "Frame": "extract.video.frames",
    "extract_clip": "extract.clip",
    "make_preview": "extract.video.preview",
    "measure": "extract.images",
    "mfcc": "extract.audio.mfcc",
    "released_mel": "extract.audio.mfcc",
    "sample_frames": "extract.video.frames",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type is that of what is imported
    """Import a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module 'extract' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
