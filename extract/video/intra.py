"""Codecs whose every picture stands alone: Motion JPEG, ProRes."""

from collections.abc import Sequence

from av.video.codeccontext import VideoCodecContext

from extract.video.packets import VideoPacket
from extract.video.picture import Picture

__all__ = ["read_pictures"]


def read_pictures(packets: Sequence[VideoPacket], context: VideoCodecContext) -> list[Picture]:
    """Describe each packet: an entry that nothing else needs."""
    del context
    return [Picture(packet.pts or 0, entry=True, droppable=True) for packet in packets]
