from collections.abc import Iterator
from typing import Any, cast

import av
from av.container import InputContainer

from extract.container import read_packets


class LateStream:
    """A container whose reading ends as PyAV's does where a stream appeared after the file was opened."""

    def demux(self, *_: object) -> "Iterator[av.Packet[Any]]":
        yield av.Packet(b"first")
        yield av.Packet()
        yield av.Packet(b"last")
        raise IndexError("list index out of range")


def test_a_stream_that_appears_late_ends_the_reading_and_loses_no_packet() -> None:
    packets = read_packets(cast("InputContainer", LateStream()), cast("Any", object()))
    assert [bytes(packet) for packet in packets] == [b"first", b"last"]
