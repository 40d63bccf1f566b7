"""H.264: which pictures may be left out (ITU-T H.264, 7.4.1)."""

from collections.abc import Iterator, Sequence

from av.video.codeccontext import VideoCodecContext

from extract.video.nal import BitReader, nal_units, strip_emulation
from extract.video.plan import Picture, UnsuitedError
from extract.video.seconds import VideoPacket

__all__ = ["read_pictures"]

_SLICE, _IDR, _SEI, _SPS, _PPS = 1, 5, 6, 7, 8
_HARMLESS = frozenset((_SEI, 9, 10, 11, 12))  # messages, delimiter, end of sequence and stream, filler
_HIGH_PROFILES = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))


def read_pictures(packets: Sequence[VideoPacket], context: VideoCodecContext) -> list[Picture]:
    """Describe each packet: a picture whose units all have ``nal_ref_idc`` 0 is predicted from by none.

    Only IDR pictures are entries: at other intra pictures later ones may still refer to what was before.

    Raises:
        UnsuitedError: Interlaced, layered or partitioned streams, and parameter sets that change.
    """
    length_size = _length_size(context.extradata or b"")
    sets = set(_sets_of(context.extradata or b""))
    for unit in sets:
        _refuse_interlaced(unit)
    return [_read(packet, length_size, sets, first=not number) for number, packet in enumerate(packets)]


def _read(packet: VideoPacket, length_size: int, sets: set[bytes], *, first: bool) -> Picture:
    """Describe one packet; parameter sets that the first one brings join ``sets``."""
    data = bytes(packet)
    types: set[int] = set()
    referred = False
    news: list[bytes] = []
    for start, end in nal_units(data, length_size):
        kind = data[start] & 31
        if kind in (_SPS, _PPS):
            news.append(data[start:end].rstrip(b"\x00"))
        elif kind in (_SLICE, _IDR):
            types.add(kind)
            referred = referred or bool(data[start] & 0x60)
        elif kind not in _HARMLESS:
            raise UnsuitedError("layered")
    if len(types) != 1:
        raise UnsuitedError("no_picture" if not types else "mixed_picture")
    _learn(news, sets, first=first)
    return Picture(packet.pts or 0, entry=_IDR in types, droppable=not referred)


def _learn(news: Sequence[bytes], sets: set[bytes], *, first: bool) -> None:
    """Take note of the first packet's parameter sets; a later, different one might be left out with its packet."""
    for unit in news:
        if unit not in sets and not first:
            raise UnsuitedError("parameters_change")
        _refuse_interlaced(unit)
        sets.add(unit)


def _length_size(extradata: bytes) -> int:
    """Return the bytes of a unit's length (ISO/IEC 14496-15, 5.3.3), 0: start codes."""
    return (extradata[4] & 3) + 1 if len(extradata) > 6 and extradata[0] == 1 else 0


def _sets_of(extradata: bytes) -> Iterator[bytes]:
    """Yield the parameter sets of the stream's header."""
    if not _length_size(extradata):
        for start, end in nal_units(extradata, 0):
            yield extradata[start:end].rstrip(b"\x00")
        return
    at = 5
    for mask in (0x1F, 0xFF):
        count = extradata[at] & mask if at < len(extradata) else 0
        at += 1
        for _ in range(count):
            end = at + 2 + int.from_bytes(extradata[at : at + 2], "big")
            yield extradata[at + 2 : end].rstrip(b"\x00")
            at = end


def _refuse_interlaced(unit: bytes) -> None:
    """Raise where a sequence parameter set allows fields: two of them may share a picture."""
    if not unit or unit[0] & 31 != _SPS:
        return
    try:
        progressive = _frames_only(BitReader(strip_emulation(unit[1:])), unit[1])
    except ValueError as error:
        raise UnsuitedError("parameters_broken") from error
    if not progressive:
        raise UnsuitedError("interlaced")


def _frames_only(reader: BitReader, profile: int) -> bool:
    """Return ``frame_mbs_only_flag`` of a sequence parameter set (7.3.2.1.1)."""
    reader.bits(24)  # profile, constraints, level
    reader.exp_golomb()  # seq_parameter_set_id
    if profile in _HIGH_PROFILES:
        _skip_high_profile(reader)
    reader.exp_golomb()  # log2_max_frame_num_minus4
    order = reader.exp_golomb()
    if order == 0:
        reader.exp_golomb()
    elif order == 1:
        reader.bits(1)
        reader.signed_exp_golomb()
        reader.signed_exp_golomb()
        for _ in range(min(reader.exp_golomb(), 255)):
            reader.signed_exp_golomb()
    reader.exp_golomb()  # max_num_ref_frames
    reader.bits(1)
    reader.exp_golomb()  # width
    reader.exp_golomb()  # height
    return bool(reader.bits(1))


def _skip_high_profile(reader: BitReader) -> None:
    """Skip what only the high profiles have: chroma format, bit depths, scaling lists."""
    chroma = reader.exp_golomb()
    if chroma == 3:
        reader.bits(1)
    reader.exp_golomb()
    reader.exp_golomb()
    reader.bits(1)
    if reader.bits(1):
        for number in range(12 if chroma == 3 else 8):
            if reader.bits(1):
                _skip_scaling_list(reader, 16 if number < 6 else 64)


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    scale = following = 8
    for _ in range(size):
        if following:
            following = (scale + reader.signed_exp_golomb()) % 256
        scale = following or scale
