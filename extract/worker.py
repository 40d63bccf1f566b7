"""What a decoder process does with a job."""

from dataclasses import asdict

from extract.answers import pack_clip
from extract.clip import extract_clip
from extract.images import ImageFault, measure
from extract.isolation.message import Message
from extract.settings import ExtractSettings

__all__ = ["handle"]


def handle(settings: ExtractSettings, kind: str, data: bytes) -> Message:
    """Extract one stored object.

    Args:
        settings: Of the stage.
        kind: ``video`` or ``image``.
        data: The object's bytes.
    """
    if kind == "video":
        return pack_clip(extract_clip(data, settings))
    measures = measure(data, settings.images)
    if isinstance(measures, ImageFault):
        return Message({"fault": measures.reason, "detail": measures.detail})
    return Message({"image": asdict(measures)})
