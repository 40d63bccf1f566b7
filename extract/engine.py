"""Decoding of stored objects by child processes on this machine."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from core.errors import CorruptObjectError
from core.processes.message import Fault, Json, Message
from core.processes.pool import ChildPool, Job, PoolLimits, processes_for
from core.processes.pool_child import Handler
from core.records import MediaKind
from extract.clip import handle
from extract.images import ImageMeasures
from extract.ocr.lines import TextLine
from extract.results import Audio, ClipResult, Frames, KeptFrame
from extract.settings import ExtractSettings, LimitSettings

__all__ = ["Item", "LocalEngine", "Result", "Unpack", "plain", "unpack_lines"]

Result = ClipResult | ImageMeasures | tuple[TextLine, ...] | Fault
"""A video's ``ClipResult``, or an image's measures, lines of text or fault."""


@dataclass(frozen=True, slots=True)
class Item:
    """A stored object to extract."""

    sha256: str
    kind: MediaKind
    size: int
    """Size in bytes."""


class LocalEngine:
    """Extracts objects in isolated processes, one single-threaded decoder per core.

    Args:
        settings: The stage's settings.
        read: Returns an object's bytes; may raise ``CorruptObjectError``.
        handler: Task of the processes; None to decode videos and measure images.
        unpack: Converts a process's reply to the item's result.
    """

    def __init__(
        self,
        settings: ExtractSettings,
        read: Callable[[str], bytes],
        handler: Handler | None = None,
        unpack: "Unpack | None" = None,
    ) -> None:
        self._settings = settings
        self._read = read
        self._handler = handler or partial(handle, plain(settings))
        self._unpack = unpack or _unpack_media

    def run(self, items: Iterable[Item], count: int) -> Iterator[tuple[Item, Result]]:
        """Yield each item with its result, in order of completion.

        The results do not depend on the number of processes. Files above the size limit, and
        corrupt ones, get their fault without being decoded. Items are consumed as decoders become free.

        Args:
            items: Items, each once.
            count: Upper bound on the number of items, and so of processes.

        Raises:
            DataError: Decoder processes do not start.
        """
        running: dict[str, Item] = {}
        refused: list[tuple[Item, Fault]] = []
        processes = processes_for(self._settings.workers, count)
        with ChildPool(self._handler, processes, pool_limits(self._settings.limits)) as pool:
            for job, reply in pool.run(self._jobs(items, running, refused)):
                item = running.pop(job.key)
                yield item, self._unpack(item, reply)
                yield from _refusals(refused)
        yield from _refusals(refused)

    def _jobs(
        self, items: Iterable[Item], running: dict[str, Item], refused: list[tuple[Item, Fault]]
    ) -> Iterator[Job]:
        """Yield a job per item and add the item to ``running``; add items without a job to ``refused``."""
        limit = self._settings.limits.input_mb
        for item in items:
            if item.size > limit << 20:
                refused.append((item, Fault("too_large", f"{item.size} bytes, more than {limit} MB")))
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
    """Yield the refused items, and clear the list."""
    while refused:
        item, fault = refused.pop(0)
        yield item, ClipResult(fault, fault) if item.kind == "video" else fault


def pool_limits(limits: LimitSettings) -> PoolLimits:
    """Return the limits of one job."""
    return PoolLimits(limits.seconds, limits.memory_mb << 20, limits.input_mb << 20, limits.output_mb << 20)


def plain(settings: BaseModel) -> Any:  # noqa: ANN401 - used in place of the settings
    """Return the values of settings under the same names, without pydantic.

    Pydantic would take a fifth of a decoder process's start-up time.
    """
    return SimpleNamespace(
        **{name: plain(value) if isinstance(value, BaseModel) else value for name, value in settings}
    )


Unpack = Callable[[Item, Message | Fault], Result]
_Read = TypeVar("_Read")

_KEPT = TypeAdapter(tuple[KeptFrame, ...])
_FAULT = TypeAdapter(Fault)
_IMAGE = TypeAdapter(ImageMeasures)
_AUDIO = TypeAdapter(Audio)
_LINES = TypeAdapter(tuple[TextLine, ...])


def _unpack_media(item: Item, reply: Message | Fault) -> Result:
    return _unpack_clip(reply) if item.kind == "video" else _unpack_image(reply)


def _unpack_clip(reply: Message | Fault) -> ClipResult:
    """Return a video's results, validated; a fault of the whole file applies to both."""

    def read(message: Message) -> ClipResult:
        bodies = list(message.bodies)
        return ClipResult(_read_frames(message.head, bodies), _read_audio(message.head, bodies))

    found = _validated(reply, read)
    return ClipResult(found, found) if isinstance(found, Fault) else found


def _unpack_image(reply: Message | Fault) -> ImageMeasures | Fault:
    """Return an image's measures, validated, or the fault."""
    return _validated(reply, lambda message: _IMAGE.validate_python(message.head.get("image")))


def unpack_lines(item: Item, reply: Message | Fault) -> tuple[TextLine, ...] | Fault:
    """Return an image's lines of text, validated, or the fault."""
    del item
    return _validated(reply, lambda message: _LINES.validate_python(message.head.get("lines")))


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


def _validated(reply: Message | Fault, read: Callable[[Message], _Read]) -> _Read | Fault:
    """Return what ``read`` makes of a reply, or the fault of the whole file."""
    if isinstance(reply, Fault):
        return reply
    if "fault" in reply.head:
        return Fault(str(reply.head["fault"]), str(reply.head.get("detail", "")))
    try:
        return read(reply)
    except (ValidationError, IndexError) as error:
        return Fault("crashed", f"its decoder's reply is invalid ({type(error).__name__})")
