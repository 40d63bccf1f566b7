"""Key frames of VP9 and AV1, which reset the decoder.

Frames that no other refers to cannot be skipped in these codecs: the next frame adapts its probabilities and
motion vectors from the one decoded last.
"""

from collections.abc import Iterator

from extract.video.plan import UnsuitedError

__all__ = ["starts_av1_key", "starts_vp9_key"]

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6


def starts_vp9_key(data: bytes) -> bool:
    """Return whether a packet starts with a shown key frame (VP9, 6.2)."""
    if not data or data[0] >> 6 != 0b10:
        raise UnsuitedError("no_picture")
    bits = data[0] << 8 | (data[1] if len(data) > 1 else 0)
    at = 5 if (data[0] >> 4) & 3 == 3 else 4  # profile 3 has one more, reserved bit
    existing, inter, shown = ((bits >> (15 - at - n)) & 1 for n in range(3))
    return not existing and not inter and bool(shown)


def starts_av1_key(data: bytes) -> bool:
    """Return whether a packet has a sequence header and starts with a shown key frame (AV1, 5.9.2)."""
    has_sequence = False
    for kind, start in _obus(data):
        if kind == _SEQUENCE_HEADER:
            has_sequence = True
        elif kind in (_FRAME_HEADER, _FRAME):
            existing, frame_type, shown = data[start] >> 7, (data[start] >> 5) & 3, (data[start] >> 4) & 1
            return has_sequence and not existing and frame_type == 0 and bool(shown)
    raise UnsuitedError("no_picture")


def _obus(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the type of each unit and the start of its content (AV1, 5.3.1)."""
    at = 0
    while at < len(data) - 1:
        head = data[at]
        at += 2 if head & 4 else 1
        length = len(data) - at
        if head & 2:
            length, at = _leb128(data, at)
        if at >= len(data):
            return
        yield (head >> 3) & 15, at
        at += length


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Return a number with seven bits in each byte, lowest first, and its end (AV1, 4.10.5)."""
    value = 0
    for shift in range(0, 56, 7):
        if at >= len(data):
            break
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            break
    return value, at
