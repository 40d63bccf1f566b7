"""What a decoder process does with a job."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from extract.clip import extract_clip
from extract.isolation.message import Json, Message
from extract.results import ClipResult, Fault

if TYPE_CHECKING:  # a decoder process is given plain values, and does without pydantic
    from extract.settings import ExtractSettings

__all__ = ["handle"]


def handle(settings: ExtractSettings, kind: str, data: bytes) -> Message:
    """Extract one stored object.

    Args:
        settings: Of the stage, or plain values under the same names.
        kind: ``video`` or ``image``.
        data: The object's bytes.
    """
    return _pack_clip(extract_clip(data, settings)) if kind == "video" else _measure(data, settings)


def _measure(data: bytes, settings: ExtractSettings) -> Message:
    from extract.images import ImageFault, measure  # noqa: PLC0415 - a run of videos alone never loads it

    measures = measure(data, settings.images)
    if isinstance(measures, ImageFault):
        return Message({"fault": measures.reason, "detail": measures.detail})
    return Message({"image": asdict(measures)})


def _pack_clip(result: ClipResult) -> Message:
    """Return a video's results as a message."""
    head: dict[str, Json] = {}
    bodies: list[bytes] = []
    if isinstance(result.frames, Fault):
        head["frames_fault"] = asdict(result.frames)
    else:
        head["frames"] = [asdict(frame) for frame in result.frames.kept]
        head["way"] = result.frames.way
        bodies.append(result.frames.jpegs)
    if isinstance(result.sound, Fault):
        head["sound_fault"] = asdict(result.sound)
    else:
        fields = asdict(result.sound)
        bodies += [fields.pop("mp3"), fields.pop("feature")]
        head["sound"] = fields
    return Message(head, tuple(bodies))
