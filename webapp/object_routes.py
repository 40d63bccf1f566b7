"""Routes of media objects, with byte ranges (RFC 9110, section 14), and of single frames."""

import io
import re
from collections.abc import AsyncIterator

import numpy as np
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from core.errors import CorruptObjectError, MissingSegmentError
from storage import ObjectRef, Objects
from webapp.requests import Threads, visitor_of

__all__ = ["IMAGE_TYPES", "PLAYABLE_TYPES", "ObjectRoutes", "RangeNotSatisfiableError", "read_range"]

_ONE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


class RangeNotSatisfiableError(ValueError):
    """The range is outside the object (status 416)."""


def read_range(header: str | None, length: int) -> tuple[int, int] | None:
    """Return the first requested byte and the one after the last; None if all are requested.

    Several ranges, other units and malformed headers are ignored, as the RFC allows.

    Raises:
        RangeNotSatisfiableError: None of the requested bytes exists.
    """
    found = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        begin, end = max(0, length - int(suffix)), length
    else:
        begin, end = int(first), min(length, int(last) + 1) if last else length
        if last and int(last) < begin:
            return None
    if begin >= end:
        raise RangeNotSatisfiableError(f"The range {header} lies outside the {length} bytes of the object.")
    return begin, end


IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"})
"""Images that browsers show and that cannot contain scripts; never SVG."""
PLAYABLE_TYPES = frozenset({"video/mp4", "video/webm", "video/quicktime", "audio/mpeg"})
FRAMES = "video/x-motion-jpeg"
ARRAY = "application/octet-stream"
_HASH = re.compile(r"[0-9a-f]{64}")
_JPEG = b"\xff\xd8\xff"
_CHUNK = 1 << 18
_LARGEST_FRAME = 1 << 24
_LARGEST_ARRAY = 1 << 24
_MAX_ROWS = 256
_MAX_COLUMNS = 2000
_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, max-age=31536000, immutable",
    "content-disposition": "inline",
}


class ObjectRoutes:
    """Routes that serve images, videos and audio, but never pages and objects of other types."""

    def __init__(self, objects: Objects, threads: Threads) -> None:
        self._objects, self._threads = objects, threads
        self.routes: list[BaseRoute] = [
            Route("/objects/{sha256}", self.show),
            Route("/frames/{sha256}/{offset:int}/{length:int}", self.show_frame),
            Route("/mfcc/{sha256}/{rows:int}.png", self.show_mfcc),
        ]

    async def show(self, request: Request) -> Response:
        """Respond with an object or a range of it."""
        visitor_of(request)
        ref = await self._find(request.path_params["sha256"], IMAGE_TYPES | PLAYABLE_TYPES)
        headers = {**_HEADERS, "etag": f'"{ref.sha256}"', "accept-ranges": "bytes"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        try:
            asked = read_range(request.headers.get("range"), ref.payload_length)
        except RangeNotSatisfiableError:
            return Response(status_code=416, headers={**headers, "content-range": f"bytes */{ref.payload_length}"})
        begin, end = asked or (0, ref.payload_length)
        headers["content-length"] = str(end - begin)
        if asked:
            headers["content-range"] = f"bytes {begin}-{end - 1}/{ref.payload_length}"
        status = 206 if asked else 200
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers, media_type=ref.mime)
        first = await self._read(ref.sha256, begin, min(_CHUNK, end - begin))
        rest = self._bytes(ref.sha256, first, begin + len(first), end)
        return StreamingResponse(rest, status, headers, ref.mime)

    async def show_frame(self, request: Request) -> Response:
        """Respond with one JPEG frame of an object that contains frames."""
        visitor_of(request)
        offset, length = request.path_params["offset"], request.path_params["length"]
        ref = await self._find(request.path_params["sha256"], {FRAMES})
        if length > _LARGEST_FRAME or offset + length > ref.payload_length:
            raise HTTPException(404, "no such frame")
        data = await self._read(ref.sha256, offset, length)
        if not data.startswith(_JPEG):
            raise HTTPException(404, "no such frame")
        return Response(data, headers=_HEADERS, media_type="image/jpeg")

    async def show_mfcc(self, request: Request) -> Response:
        """Respond with an MFCC array as an image: time to the right, the lowest coefficient at the bottom."""
        visitor_of(request)
        rows = request.path_params["rows"]
        ref = await self._find(request.path_params["sha256"], {ARRAY})
        if not 0 < rows <= _MAX_ROWS or ref.payload_length % (4 * rows) or ref.payload_length > _LARGEST_ARRAY:
            raise HTTPException(404, "no such array")
        data = await self._read(ref.sha256, 0, ref.payload_length)
        return Response(await self._threads.read(_draw, data, rows), headers=_HEADERS, media_type="image/png")

    async def _find(self, sha256: str, types: frozenset[str] | set[str]) -> ObjectRef:
        """Return the location of an object; it is not found unless its type is in ``types``."""
        known = _HASH.fullmatch(sha256) is not None
        ref = await self._threads.read(self._objects.index.find, sha256) if known else None
        if ref is None or ref.kind == "page" or ref.mime not in types:
            raise HTTPException(404, "no such object")
        return ref

    async def _bytes(self, sha256: str, first: bytes, begin: int, end: int) -> AsyncIterator[bytes]:
        yield first
        for offset in range(begin, end, _CHUNK):
            yield await self._read(sha256, offset, min(_CHUNK, end - offset))

    async def _read(self, sha256: str, offset: int, length: int) -> bytes:
        try:
            return await self._threads.read(self._objects.read_slice, sha256, offset, length)
        except (CorruptObjectError, MissingSegmentError) as error:
            raise HTTPException(404, "the object is damaged or gone") from error


def _draw(data: bytes, rows: int) -> bytes:
    """Return a PNG of a float32 array [rows, T]: each row is scaled separately, its minimum being dark."""
    array = np.frombuffer(data, "<f4").reshape(rows, -1)
    array = np.nan_to_num(array[::-1, :: -(-array.shape[1] // _MAX_COLUMNS) or 1])
    low, high = array.min(axis=1, keepdims=True, initial=0.0), array.max(axis=1, keepdims=True, initial=0.0)
    scaled = (array - low) / np.maximum(high - low, 1e-9)
    picture = io.BytesIO()
    Image.fromarray((scaled * 255).astype(np.uint8)).save(picture, "PNG")
    return picture.getvalue()
