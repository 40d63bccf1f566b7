"""What comes back from a decoder process: checked, not trusted."""

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from extract.images import ImageMeasures
from extract.isolation.message import Json, Message
from extract.results import ClipResult, Fault, Frames, KeptFrame, Sound

__all__ = ["unpack_clip", "unpack_image"]

_KEPT = TypeAdapter(tuple[KeptFrame, ...])
_FAULT = TypeAdapter(Fault)
_IMAGE = TypeAdapter(ImageMeasures)
_SOUND = TypeAdapter(Sound)


def unpack_clip(answer: Message | Fault) -> ClipResult:
    """Return a video's results; a fault of the whole file is one of both."""
    message = _without_fault(answer)
    if isinstance(message, Fault):
        return ClipResult(message, message)
    try:
        bodies = list(message.bodies)
        return ClipResult(_read_frames(message.head, bodies), _read_sound(message.head, bodies))
    except (ValidationError, IndexError) as error:
        fault = _nonsense(error)
        return ClipResult(fault, fault)


def unpack_image(answer: Message | Fault) -> ImageMeasures | Fault:
    """Return an image's measures, or why there are none."""
    message = _without_fault(answer)
    if isinstance(message, Fault):
        return message
    try:
        return _IMAGE.validate_python(message.head.get("image"))
    except ValidationError as error:
        return _nonsense(error)


def _read_frames(head: Mapping[str, Json], bodies: list[bytes]) -> Frames | Fault:
    if "frames_fault" in head:
        return _FAULT.validate_python(head["frames_fault"])
    return Frames(_KEPT.validate_python(head.get("frames")), bodies.pop(0), str(head.get("way")))


def _read_sound(head: Mapping[str, Json], bodies: list[bytes]) -> Sound | Fault:
    if "sound_fault" in head:
        return _FAULT.validate_python(head["sound_fault"])
    fields = head.get("sound")
    mp3, feature = bodies.pop(0), bodies.pop(0)
    return _SOUND.validate_python({**(fields if isinstance(fields, Mapping) else {}), "mp3": mp3, "feature": feature})


def _without_fault(answer: Message | Fault) -> Message | Fault:
    """Return the message, or the fault of the whole file."""
    if isinstance(answer, Fault) or "fault" not in answer.head:
        return answer
    return Fault(str(answer.head["fault"]), str(answer.head.get("detail", "")))


def _nonsense(error: Exception) -> Fault:
    return Fault("crashed", f"its decoder's answer makes no sense ({type(error).__name__})")
