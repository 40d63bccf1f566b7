"""The units that H.264 and H.265 packets are made of."""

from collections.abc import Iterator

__all__ = ["BitReader", "nal_units", "strip_emulation"]

_START = b"\x00\x00\x01"


def nal_units(packet: bytes, length_size: int) -> Iterator[tuple[int, int]]:
    """Yield where each unit of a packet starts and ends, header included, in order.

    Args:
        packet: A packet's bytes.
        length_size: Bytes of the length before each unit (MP4 and Matroska), 0: start codes (MPEG-TS, AVI).

    Raises:
        ValueError: A length points beyond the packet.
    """
    return _by_start_code(packet) if length_size == 0 else _by_length(packet, length_size)


def _by_length(packet: bytes, size: int) -> Iterator[tuple[int, int]]:
    at, end = 0, len(packet)
    while at + size <= end:
        start = at + size
        at = start + int.from_bytes(packet[at:start], "big")
        if at > end:
            raise ValueError("a unit is longer than its packet")
        if at > start:
            yield start, at


def _by_start_code(packet: bytes) -> Iterator[tuple[int, int]]:
    at = packet.find(_START)
    while at >= 0:
        start = at + 3
        at = packet.find(_START, start)
        end = len(packet) if at < 0 else at
        if end > start:
            yield start, end


def strip_emulation(unit: bytes) -> bytes:
    """Return a unit without the bytes that keep start codes out of it."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")


class BitReader:
    """Reads a unit's fields bit by bit; beyond its end there are only zeros."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def bits(self, count: int) -> int:
        """Return the next ``count`` bits as a number."""
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return shifted & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        """Return the next unsigned number in Exp-Golomb code (H.264, 9.1).

        Raises:
            ValueError: More than 32 zeros lead: this is no such number.
        """
        zeros = 0
        while self.bits(1) == 0:
            zeros += 1
            if zeros > 32:
                raise ValueError("no Exp-Golomb number")
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed_exp_golomb(self) -> int:
        """Return the next signed number in Exp-Golomb code (H.264, 9.1.1)."""
        code = self.exp_golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)
