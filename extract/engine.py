"""Stored objects decoded by child processes on this machine."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from extract.clip import handle
from extract.images import ImageMeasures
from extract.isolation.message import Json, Message
from extract.isolation.pool import DecoderPool, Job, PoolLimits
from extract.results import Audio, ClipResult, Fault, Frames, KeptFrame
from extract.settings import ExtractSettings, LimitSettings
from m5data.errors import CorruptObjectError
from m5data.records import MediaKind

__all__ = ["Item", "LocalEngine", "Result", "processes_for", "unpack_clip", "unpack_image"]

Result = ClipResult | ImageMeasures | Fault
"""A video gives a ``ClipResult``; an image its measures, or why there are none."""


@dataclass(frozen=True, slots=True)
class Item:
    """A stored object to be extracted."""

    sha256: str
    kind: MediaKind
    size: int
    """Bytes."""


class LocalEngine:
    """Extracts objects in isolated processes, one single-threaded decoder a core.

    Args:
        settings: Of the stage.
        read: Returns an object's bytes; may raise ``CorruptObjectError``.
    """

    def __init__(self, settings: ExtractSettings, read: Callable[[str], bytes]) -> None:
        self._settings = settings
        self._read = read

    def run(self, items: Iterable[Item], count: int) -> Iterator[tuple[Item, Result]]:
        """Yield each item with its result, in the order in which they are finished.

        The results do not depend on the number of processes. Files above the limit of size, and
        those that the store cannot give back, get their fault without a decoder. Items are taken
        as decoders become free.

        Args:
            items: Each once.
            count: How many they are at most: no more processes are started.

        Raises:
            DataError: Decoder processes do not start.
        """
        running: dict[str, Item] = {}
        refused: list[tuple[Item, Fault]] = []
        processes = processes_for(self._settings.workers, count)
        with DecoderPool(
            partial(handle, _plain(self._settings)), processes, _pool_limits(self._settings.limits)
        ) as pool:
            for job, answer in pool.run(self._jobs(items, running, refused)):
                item = running.pop(job.key)
                yield item, unpack_clip(answer) if item.kind == "video" else unpack_image(answer)
                yield from _refusals(refused)
        yield from _refusals(refused)

    def _jobs(
        self, items: Iterable[Item], running: dict[str, Item], refused: list[tuple[Item, Fault]]
    ) -> Iterator[Job]:
        """Yield a job an item, which joins ``running``; those that cannot become one join ``refused``."""
        limit = self._settings.limits.input_mb
        for item in items:
            if item.size > limit << 20:
                refused.append((item, Fault("too_large", f"wanted at most {limit} MB, got {item.size} bytes")))
                continue
            try:
                data = self._read(item.sha256)
            except CorruptObjectError as error:
                refused.append((item, Fault("corrupt_object", str(error))))
                continue
            job = Job(f"{item.kind}:{item.sha256}", item.kind, data)
            running[job.key] = item
            yield job


def _refusals(refused: list[tuple[Item, Fault]]) -> Iterator[tuple[Item, Result]]:
    """Take and yield what never became a job."""
    while refused:
        item, fault = refused.pop(0)
        yield item, ClipResult(fault, fault) if item.kind == "video" else fault


def processes_for(workers: int | None, items: int) -> int:
    """Return how many processes to start: as asked, else one a core, and no more than there are items."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(workers or cores, items))


def _pool_limits(limits: LimitSettings) -> PoolLimits:
    return PoolLimits(limits.seconds, limits.memory_mb << 20, limits.input_mb << 20, limits.output_mb << 20)


def _plain(settings: BaseModel) -> Any:  # noqa: ANN401 - stands for the settings wherever they are only read
    """Return the values of settings under the same names.

    A decoder process that is given these need not load pydantic, which takes a fifth of its start.
    """
    return SimpleNamespace(
        **{name: _plain(value) if isinstance(value, BaseModel) else value for name, value in settings}
    )


_KEPT = TypeAdapter(tuple[KeptFrame, ...])
_FAULT = TypeAdapter(Fault)
_IMAGE = TypeAdapter(ImageMeasures)
_AUDIO = TypeAdapter(Audio)


def unpack_clip(answer: Message | Fault) -> ClipResult:
    """Return a video's results; a fault of the whole file is one of both."""
    message = _without_fault(answer)
    if isinstance(message, Fault):
        return ClipResult(message, message)
    try:
        bodies = list(message.bodies)
        return ClipResult(_read_frames(message.head, bodies), _read_audio(message.head, bodies))
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
    return Frames(_KEPT.validate_python(head.get("frames")), bodies.pop(0), str(head.get("decode_path")))


def _read_audio(head: Mapping[str, Json], bodies: list[bytes]) -> Audio | Fault:
    if "audio_fault" in head:
        return _FAULT.validate_python(head["audio_fault"])
    fields = head.get("audio")
    mp3, feature = bodies.pop(0), bodies.pop(0)
    return _AUDIO.validate_python({**(fields if isinstance(fields, Mapping) else {}), "mp3": mp3, "feature": feature})


def _without_fault(answer: Message | Fault) -> Message | Fault:
    """Return the message, or the fault of the whole file."""
    if isinstance(answer, Fault) or "fault" not in answer.head:
        return answer
    return Fault(str(answer.head["fault"]), str(answer.head.get("detail", "")))


def _nonsense(error: Exception) -> Fault:
    return Fault("crashed", f"its decoder's answer makes no sense ({type(error).__name__})")
