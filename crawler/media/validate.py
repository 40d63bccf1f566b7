"""Validation of a downloaded file: type, completeness, header and limits."""

import re
import struct
from collections.abc import Callable
from functools import partial

from core.errors import MediaError
from core.processes.message import Fault, Message
from core.processes.pool import ChildPool, Job, PoolLimits
from core.processes.pool_child import Handler
from core.records import MediaKind
from crawler.media.headers import (
    SEGMENT,
    avi,
    bmp,
    boxes,
    elements,
    flv,
    gif,
    image,
    jpeg,
    matroska,
    movie,
    png,
    scan_start,
    webp,
)
from crawler.media.outcome import HTML_PAGE, BadHeaderError, Dimensions, Mime, RejectedFileError
from crawler.settings import DownloadSettings
from media.formats import SNIFFED_BYTES, sniff

__all__ = ["ENOUGH", "check_type", "ends_early", "in_child", "read_dimensions", "validate", "validate_stream"]

ENOUGH = SNIFFED_BYTES
"""Bytes from the start that decide the type; more would not change it."""

_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body|script|title|meta)\b",
    re.IGNORECASE | re.DOTALL,
)
"""How WHATWG's MIME Sniffing, section 7.1, recognises HTML, for the tags that begin a page."""

_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_SECONDS = 60.0
_MEMORY_BYTES = 2 << 30
_REPLY_BYTES = 1 << 16


def validate(data: bytes, kind: MediaKind, settings: DownloadSettings) -> tuple[Mime, Dimensions]:
    """Return type and dimensions of a complete body.

    A file whose header and end are in order is not decoded. Any other is, by a separate process, and refused only
    if its image, or the last of its packets, is missing: decoders pass over odd ends, padding and size fields. This
    takes up to a minute: call it in a thread.

    Args:
        data: the body, decoded.
        kind: as promised by the page.
        settings: the limits.

    Raises:
        RejectedFileError: ``empty``, ``wrong_type``, ``truncated``, ``broken``, ``too_many_pixels`` or ``too_long``.
    """
    if not data:
        raise RejectedFileError("empty", "0 bytes")
    mime = check_type(data[:ENOUGH], kind)
    try:
        found = read_dimensions(data, mime)
        _check_limits(found, settings)
        if ends_early(data, mime):
            found = _decoded(data, kind, settings, RejectedFileError("truncated", f"{mime} lacks its end"))
    except BadHeaderError as error:
        found = _decoded(data, kind, settings, RejectedFileError("broken", str(error)))
    _check_limits(found, settings)
    return mime, found


def validate_stream(data: bytes, settings: DownloadSettings) -> tuple[Mime, Dimensions]:
    """Return type and dimensions of a video that was put together from segments; it is decoded in any case.

    Raises:
        RejectedFileError: ``empty``, ``wrong_type``, ``broken``, ``too_many_pixels`` or ``too_long``.
    """
    if not data:
        raise RejectedFileError("empty", "0 bytes")
    mime = check_type(data[:ENOUGH], "video")
    found = _decoded(data, "video", settings, RejectedFileError("broken", "the segments make no video"))
    _check_limits(found, settings)
    return mime, found


def _decoded(data: bytes, kind: MediaKind, settings: DownloadSettings, doubt: RejectedFileError) -> Dimensions:
    """Return the dimensions of a file that a decoder reads in full.

    Raises:
        RejectedFileError: It does not; ``doubt``, with what the decoder says.
    """
    reply = in_child(partial(_probe, settings.max_pixels, len(data)), kind, data, doubt)
    return Dimensions(**reply.head)  # type: ignore[arg-type]  # its own process's numbers


def in_child(handler: Handler, kind: str, data: bytes, doubt: RejectedFileError) -> Message:
    """Return the reply of a handler that reads a stranger's bytes in a separate process.

    Raises:
        RejectedFileError: It fails, or its reply has a ``fault``; ``doubt``, with the fault.
    """
    limits = PoolLimits(_SECONDS, _MEMORY_BYTES, len(data), 2 * len(data) + _REPLY_BYTES)
    with ChildPool(handler, 1, limits) as pool:
        _, reply = next(pool.run(iter([Job("file", kind, data)])))
    if isinstance(reply, Fault):
        raise RejectedFileError(doubt.reason, f"{doubt.detail}: {reply.reason}, {reply.detail}")
    if "fault" in reply.head:
        raise RejectedFileError(doubt.reason, f"{doubt.detail}: {reply.head['fault']}")
    return reply


def _probe(max_pixels: int, size: int, kind: str, data: bytes) -> Message:
    """Decode a file; the task of the separate process."""
    from media.probe import probe_image, probe_video  # noqa: PLC0415 - its decoders stay out of the downloader

    try:
        found = probe_video(data, max_pixels) if kind == "video" else probe_image(data, max_pixels, size)
    except MediaError as error:
        return Message({"fault": str(error)})
    return Message(found._asdict())


def check_type(head: bytes, kind: MediaKind) -> Mime:
    """Return the type of a file of the promised kind.

    Args:
        head: its first ``ENOUGH`` bytes, or all of them.
        kind: as promised by the page.

    Raises:
        RejectedFileError: ``wrong_type``.
    """
    form = sniff(head)
    if form is None or form.kind != kind:
        found = form.mime if form else HTML_PAGE if _HTML.match(head) else "an unknown file type"
        raise RejectedFileError("wrong_type", f"not an accepted {kind}: {found}")
    if form.reader is None:
        raise RejectedFileError("wrong_type", f"not an accepted {kind}: {form.mime} ({form.name}), {form.note}")
    mime: Mime = form.mime  # type: ignore[assignment]  # accepted formats have one of these
    return mime


def _check_limits(found: Dimensions, settings: DownloadSettings) -> None:
    if found.pixels > settings.max_pixels:
        size = f"{found.width} x {found.height}"
        raise RejectedFileError("too_many_pixels", f"{size}, more than the limit of {settings.max_pixels} pixels")
    if found.duration_s is not None and found.duration_s > settings.max_duration_s:
        got = f"{found.duration_s:.1f} s"
        raise RejectedFileError("too_long", f"{got}, more than the limit of {settings.max_duration_s:g} s")


def read_dimensions(data: bytes, mime: Mime) -> Dimensions:
    """Return size and duration of a file from its header.

    Args:
        data: the whole file.
        mime: its type, detected from its bytes.

    Raises:
        BadHeaderError: the header is damaged, or an image has no size.
    """
    try:
        found = _READERS[mime](data)
    except (IndexError, struct.error) as error:  # a field past the end
        raise BadHeaderError(f"{mime}: the file ends within its header") from error
    if mime.startswith("image/") and found.pixels <= 0:
        raise BadHeaderError(f"{mime}: the size {found.width} x {found.height} is not usable")
    return found


def _unknown(_: bytes) -> Dimensions:
    """Return unknown dimensions: they are in the coded stream, which extraction checks."""
    return Dimensions(None, None)


_READERS: dict[Mime, Callable[[bytes], Dimensions]] = {
    "image/jpeg": jpeg,
    "image/png": png,
    "image/gif": gif,
    "image/webp": webp,
    "image/bmp": bmp,
    "image/avif": image,
    "video/mp4": movie,
    "video/quicktime": movie,
    "video/webm": matroska,
    "video/x-matroska": matroska,
    "video/x-flv": flv,
    "video/x-msvideo": avi,
    "video/mp2t": _unknown,
    "video/mpeg": _unknown,
    "video/ogg": _unknown,
    "video/x-ms-asf": _unknown,
}


def ends_early(data: bytes, mime: Mime) -> bool:
    """Return whether a file may be shorter than it should be, by its own structure.

    Bytes after the end are no sign of that: cameras and content networks add data there.

    Args:
        data: the whole file.
        mime: its type, detected from its bytes.
    """
    check = _CHECKS.get(mime)
    return check is not None and not check(data)


def _is_complete_jpeg(data: bytes) -> bool:
    """Require an end marker after the start of the scan: one before it belongs to a thumbnail."""
    if data.endswith(_JPEG_END):
        return True
    try:
        return data.rfind(_JPEG_END, scan_start(data)) >= 0
    except BadHeaderError:
        return False


def _is_complete_png(data: bytes) -> bool:
    return data.rfind(_PNG_END) >= 0


def _is_complete_gif(data: bytes) -> bool:
    return data.rstrip(b"\x00").endswith(b";")


def _is_complete_riff(data: bytes) -> bool:
    return int.from_bytes(data[4:8], "little") + 8 <= len(data) + 1  # the padding byte may be missing


def _is_complete_bmp(data: bytes) -> bool:
    return int.from_bytes(data[2:6], "little") <= len(data)


def _has_complete_boxes(data: bytes) -> bool:
    """Return whether no top-level box reaches past the end, and no box header is cut."""
    last = 0
    for box in boxes(data):
        last = box.end
        if box.end > len(data):
            return False
    return last > 0 and not (0 < len(data) - last < 8 and any(data[last:]))


def _has_complete_segment(data: bytes) -> bool:
    """Return whether the segment, if its size is known, is inside the file."""
    return any(e.id == SEGMENT and (e.end or 0) <= len(data) for e in elements(data, 0, len(data)))


_CHECKS: dict[Mime, Callable[[bytes], bool]] = {
    "image/jpeg": _is_complete_jpeg,
    "image/png": _is_complete_png,
    "image/gif": _is_complete_gif,
    "image/webp": _is_complete_riff,
    "image/bmp": _is_complete_bmp,
    "image/avif": _has_complete_boxes,
    "video/mp4": _has_complete_boxes,
    "video/quicktime": _has_complete_boxes,
    "video/webm": _has_complete_segment,
    "video/x-matroska": _has_complete_segment,
    "video/x-msvideo": _is_complete_riff,
}
