"""The record that stands where another was taken out: as long as that one, so that nothing behind it moves."""

import struct
import uuid
import zlib
from datetime import UTC, datetime

from m5data.errors import CorruptObjectError
from storage.objects.warc import RECORD_END

__all__ = ["STUB_TYPE", "stub"]

STUB_TYPE = "metadata"
"""WARC type of such a record; nothing else that is stored has it."""

_DIGITS = 12


def stub(length: int, *, compressed: bool, now: datetime) -> tuple[bytes, int]:
    """Return a record that takes ``length`` bytes, as what it begins with and how many zero bytes follow.

    A plain record ends with ``RECORD_END`` behind the zeros; a gzipped one has none, but a long name
    in its member's header.

    Raises:
        CorruptObjectError: No record fits: what stands there is none of ours.
    """
    if compressed:
        return _compressed(length, now), 0
    head = _head(0, now)
    zeros = length - len(head) - len(RECORD_END)
    if zeros < 0:
        raise _too_short(length)
    return _head(zeros, now), zeros


def _compressed(length: int, now: datetime) -> bytes:
    record = _head(0, now) + RECORD_END
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(record) + packer.flush()
    tail = struct.pack("<II", zlib.crc32(record), len(record))
    name = length - 10 - 1 - len(body) - len(tail)  # the fixed header, and the zero that ends the name
    if name < 0:
        raise _too_short(length)
    return b"\x1f\x8b\x08\x08" + bytes(5) + b"\xff" + b"x" * name + b"\0" + body + tail


def _head(length: int, now: datetime) -> bytes:
    lines = [
        "WARC/1.1",
        f"WARC-Type: {STUB_TYPE}",
        f"WARC-Record-ID: <{uuid.uuid4().urn}>",
        f"WARC-Date: {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"Content-Length: {length:0{_DIGITS}}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _too_short(length: int) -> CorruptObjectError:
    return CorruptObjectError(f"wanted a WARC record, found {length} bytes; run m5data verify --objects")
