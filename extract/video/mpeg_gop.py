"""MPEG-1, MPEG-2 and MPEG-4 part 2: no picture is predicted from a B picture (ISO/IEC 13818-2, 14496-2)."""

from collections.abc import Iterator, Sequence

from av.video.codeccontext import VideoCodecContext

from extract.video.plan import Picture, UnsuitedError
from extract.video.seconds import VideoPacket

__all__ = ["read_pictures"]

_I, _P, _B, _S = "I", "P", "B", "S"
_MPEG4_TYPES = (_I, _P, _B, _S)
_MPEG2_TYPES = {1: _I, 2: _P, 3: _B}


def read_pictures(packets: Sequence[VideoPacket], context: VideoCodecContext) -> list[Picture]:
    """Describe each packet by the type in its picture header.

    B pictures are droppable. An I picture is an entry; the B pictures that follow it but are shown
    before it are its leading ones.

    Raises:
        UnsuitedError: Packets of several frames (packed bitstream), or of none.
    """
    read = _mpeg4_types if context.name == "mpeg4" else _mpeg2_types
    pictures: list[Picture] = []
    anchor = None
    for packet in packets:
        types = list(read(bytes(packet)))
        if not types or (len(types) > 1 and (context.name == "mpeg4" or len(types) > 2)):
            raise UnsuitedError("packed" if types else "no_picture")
        pts = packet.pts or 0
        entry = types[0] == _I
        droppable = all(kind == _B for kind in types)
        anchor = pts if entry else anchor
        leading = droppable and anchor is not None and pts < anchor
        pictures.append(Picture(pts, entry=entry, droppable=droppable, leading=leading))
    return pictures


def _mpeg4_types(data: bytes) -> Iterator[str]:
    """Yield ``vop_coding_type`` of each video object plane of a packet."""
    at = data.find(b"\x00\x00\x01\xb6")
    while 0 <= at < len(data) - 4:
        yield _MPEG4_TYPES[data[at + 4] >> 6]
        at = data.find(b"\x00\x00\x01\xb6", at + 4)


def _mpeg2_types(data: bytes) -> Iterator[str]:
    """Yield ``picture_coding_type`` of each picture of a packet; two where it holds two fields."""
    at = data.find(b"\x00\x00\x01\x00")
    while 0 <= at < len(data) - 5:
        kind = _MPEG2_TYPES.get((data[at + 5] >> 3) & 7)
        if kind is None:
            raise UnsuitedError("no_picture")
        yield kind
        at = data.find(b"\x00\x00\x01\x00", at + 4)
