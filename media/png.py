"""Repairs of PNG files for Pillow: damaged ancillary chunks, and a transparent colour of other than 8 bits."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from media.still import decode_still

__all__ = ["PngDamageError", "bare_png", "transparent_key", "usable_png", "with_key"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2
_ANCILLARY = 0x20
"""Bit of a chunk type's first byte (PNG, 5.4)."""


class PngDamageError(ValueError):
    """A chunk without which the image cannot be decoded has a wrong checksum."""


class _Chunk(NamedTuple):
    type: bytes
    start: int
    """Position of its length field."""
    end: int
    """One past its checksum; may be beyond the data."""


def usable_png(data: bytes) -> bytes:
    """Return a PNG without the ancillary chunks whose checksum is wrong, as libpng reads it.

    Raises:
        PngDamageError: A critical chunk has a wrong checksum.
    """
    kept, start = [], 0
    for chunk in _chunks(data):
        if chunk.end > len(data) or _is_intact(data, chunk):
            continue
        if not chunk.type[0] & _ANCILLARY and chunk.type != b"IEND":
            raise PngDamageError(f"the checksum of chunk {chunk.type.decode('ascii', 'replace')} is wrong")
        kept.append(data[start : chunk.start])
        start = chunk.end
    return b"".join([*kept, data[start:]]) if kept else data


_SHOWN = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"eXIf"))
_KEY_BYTES = {_GREY: 2, _RGB: 6}


def bare_png(data: bytes) -> bytes:
    """Return a PNG with those chunks alone that change what is shown; Pillow refuses files for faults in others."""
    chunks = (chunk for chunk in _chunks(data) if chunk.type in _SHOWN or _is_usable_key(data, chunk))
    return data[: len(_SIGNATURE)] + b"".join(data[chunk.start : chunk.end] for chunk in chunks)


def _is_usable_key(data: bytes, chunk: _Chunk) -> bool:
    """Return whether a chunk is a ``tRNS`` of the length that the colours want (PNG, 11.3.2.1)."""
    length = chunk.end - chunk.start - 12
    return chunk.type == b"tRNS" and length == _KEY_BYTES.get(data[25], length)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunk = _Chunk(name, at, at + 12 + length)
        yield chunk
        if name == b"IEND":
            return
        at = chunk.end


def _is_intact(data: bytes, chunk: _Chunk) -> bool:
    wanted = int.from_bytes(data[chunk.end - 4 : chunk.end], "big")
    return zlib.crc32(memoryview(data)[chunk.start + 4 : chunk.end - 4]) == wanted


def transparent_key(data: bytes) -> tuple[int, ...] | None:
    """Return the samples of the one transparent colour (PNG, 11.3.2.1), in the file's own depth.

    None: there is none, or Pillow reads it rightly: of 8-bit greys and colours, and of palettes.
    """
    depth, colour = data[24], data[25]
    if (colour, depth) not in {(_GREY, 2), (_GREY, 4), (_GREY, 16), (_RGB, 16)}:
        return None
    for chunk in _chunks(data):
        if chunk.type == b"tRNS":
            content = data[chunk.start + 8 : chunk.end - 4]
            if not _is_usable_key(data, chunk):
                return None
            return tuple(int.from_bytes(content[at : at + 2], "big") for at in range(0, 6 if colour else 2, 2))
        if chunk.type == b"IDAT":
            break
    return None


def with_key(image: Image.Image, data: bytes, key: tuple[int, ...]) -> Image.Image:
    """Return an image as RGB, white where its samples equal the transparent colour.

    Args:
        image: The image as Pillow decodes it.
        data: The file.
        key: The transparent colour (``transparent_key``).

    Raises:
        av.FFmpegError: A 16-bit colour image cannot be decoded.
    """
    if len(key) > 1:
        return _deep_colours(data, key)
    samples = np.asarray(image)
    if image.mode.startswith("I;16"):
        greys: NDArray[np.uint8] = (samples >> 8).astype(np.uint8)
        clear = samples == key[0]
    else:
        greys, clear = samples.astype(np.uint8), samples == key[0] * (255 // ((1 << data[24]) - 1))
    return Image.fromarray(np.where(clear, 255, greys).astype(np.uint8)).convert("RGB")


def _deep_colours(data: bytes, key: tuple[int, ...]) -> Image.Image:
    """Decode 16-bit colours by FFmpeg: Pillow keeps the upper bytes only, which many colours share."""
    samples = decode_still(data, "png", "rgba64be")[..., :3]
    clear = (samples == np.array(key)).all(axis=-1, keepdims=True)
    return Image.fromarray(np.where(clear, 255, samples >> 8).astype(np.uint8))
