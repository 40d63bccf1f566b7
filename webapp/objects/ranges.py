"""Byte ranges (RFC 9110, section 14)."""

import re

__all__ = ["NoRangeError", "read_range"]

_ONE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


class NoRangeError(ValueError):
    """The range lies outside of what there is (status 416)."""


def read_range(header: str | None, length: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that are asked for; None: all of them.

    Several ranges, other units and malformed headers are ignored, as the RFC allows.

    Raises:
        NoRangeError: None of the bytes asked for exists.
    """
    found = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        begin, end = max(0, length - int(suffix)), length
    else:
        begin, end = int(first), min(length, int(last) + 1) if last else length
        if last and int(last) < begin:
            return None
    if begin >= end:
        raise NoRangeError(f"wanted bytes {header}, there are {length}")
    return begin, end
