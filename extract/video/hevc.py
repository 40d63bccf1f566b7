"""H.265: which pictures may be left out (ITU-T H.265, 7.4.2.2)."""

from collections.abc import Sequence

from av.video.codeccontext import VideoCodecContext

from extract.video.nal import nal_units
from extract.video.plan import Picture, UnsuitedError
from extract.video.seconds import VideoPacket

__all__ = ["read_pictures"]

_RASL = (8, 9)
_LEADING = (6, 7, *_RASL)
_IRAP = range(16, 24)
_BLA = (16, 17, 18)
_CRA = 21
_PARAMETERS = (32, 33, 34)
_END = (36, 37)
_SUB_LAYER_NON_REFERENCE = frozenset(range(0, 16, 2))


def read_pictures(packets: Sequence[VideoPacket], context: VideoCodecContext) -> list[Picture]:
    """Describe each packet by the type and temporal layer of its slices.

    A sub-layer non-reference picture is predicted from by none of its own temporal layer, so it is
    droppable in the highest layer that the stream has. Every IRAP picture is an entry; RASL and RADL
    pictures are its leading ones, and no trailing picture is predicted from them.

    Raises:
        UnsuitedError: Layered streams, ends of sequence, parameter sets that change, prior output refused.
    """
    extradata = context.extradata or b""
    length_size = (extradata[21] & 3) + 1 if len(extradata) > 22 and extradata[0] == 1 else 0
    sets: set[bytes] = set()
    heads = [_head(bytes(packet), length_size, sets, first=not number) for number, packet in enumerate(packets)]
    top = max((layer for _, layer in heads), default=0)
    pictures: list[Picture] = []
    orphaned = True  # leading pictures of the first entry, and of a broken link, are never shown
    for packet, (kind, layer) in zip(packets, heads, strict=True):
        if kind in _IRAP:
            orphaned = not pictures or kind in _BLA
        pictures.append(
            Picture(
                packet.pts or 0,
                entry=kind in _IRAP,
                droppable=kind in _SUB_LAYER_NON_REFERENCE and layer == top,
                leading=kind in _LEADING,
                shown=not (orphaned and kind in _RASL),
            )
        )
    return pictures


def _head(data: bytes, length_size: int, sets: set[bytes], *, first: bool) -> tuple[int, int]:
    """Return type and temporal layer of a packet's picture; parameter sets of the first one join ``sets``."""
    found: set[tuple[int, int]] = set()
    news: set[bytes] = set()
    for start, end in nal_units(data, length_size):
        kind, layer = (data[start] >> 1) & 63, (data[start + 1] & 7) - 1 if end > start + 1 else 0
        if (data[start] & 1) or (end > start + 1 and data[start + 1] >> 3):
            raise UnsuitedError("layered")
        if kind in _END:
            raise UnsuitedError("sequence_end")
        if kind in _PARAMETERS:
            news.add(data[start:end].rstrip(b"\x00"))
        elif kind < 32:
            found.add((kind, layer))
            if kind in _IRAP and kind != _CRA and end > start + 2 and data[start + 2] & 0x40:
                raise UnsuitedError("prior_output")
    if len(found) != 1:
        raise UnsuitedError("no_picture" if not found else "mixed_picture")
    if first:
        sets |= news
    elif news - sets:
        raise UnsuitedError("parameters_change")
    return found.pop()
