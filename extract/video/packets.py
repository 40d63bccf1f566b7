"""The type of a demuxed video packet, which is generic for type checkers alone."""

from typing import TypeAlias

from av import Packet
from av.video.stream import VideoStream

__all__ = ["VideoPacket"]

VideoPacket: TypeAlias = "Packet[VideoStream]"
