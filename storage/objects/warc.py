"""WARC 1.1 records as bytes (ISO 28500:2017), readable by any web-archive tool."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Literal

from core.errors import CorruptObjectError

__all__ = [
    "RECORD_END",
    "Headers",
    "StoredPage",
    "http_head",
    "parse_response",
    "payload_head",
    "response_head",
    "revisit_record",
    "warcinfo_record",
]

Headers = Sequence[tuple[str, str]]

RECORD_END = b"\r\n\r\n"
_IDS = uuid.UUID("6f0f3e6c-2a53-5f0d-9f7e-3d1f7a1b5c55")
_HTTP = "application/http; msgtype=response"
_TRANSFER = frozenset({"content-encoding", "transfer-encoding", "content-length"})
_ORIGINAL = "X-Archive-Orig-"
_PROFILE = "http://netpreserve.org/warc/1.1/revisit/"


@dataclass(frozen=True, slots=True)
class StoredPage:
    """One page as received."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    """As received, except that transfer headers such as ``Content-Encoding`` are named ``X-Archive-Orig-…``, because
    the body is stored decoded, and ``Content-Length`` is that of the body."""
    body: bytes


def response_head(url: str, sha256: str, mime: str, http: bytes, length: int, now: datetime) -> bytes:
    """Return the start of a ``response`` record: everything before the payload, with the HTTP header.

    Args:
        url: Requested URL.
        sha256: SHA-256 of the payload, hex.
        mime: Type of the payload, detected from its bytes.
        http: The HTTP header (see ``http_head``).
        length: Length of the payload, bytes.
        now: Time of the response.
    """
    fields = [
        ("WARC-Target-URI", url),
        ("Content-Type", _HTTP),
        ("WARC-Payload-Digest", f"sha256:{sha256}"),
        ("WARC-Identified-Payload-Type", mime),
    ]
    return _head("response", _payload_id(sha256), now, fields, len(http) + length) + http


def payload_head(
    kind: Literal["conversion", "resource"],
    url: str | None,
    sha256: str,
    mime: str,
    refers_to: str | None,
    length: int,
    now: datetime,
) -> bytes:
    """Return the start of a record without an HTTP header: everything before the payload.

    Args:
        kind: ``conversion`` for a derived object, ``resource`` for bytes from no HTTP request.
        url: URL of the payload or of its origin; None: the payload's own URN is used.
        sha256: SHA-256 of the payload, hex.
        mime: Type of the payload.
        refers_to: SHA-256 of its origin; None: the origin is not stored.
        length: Length of the payload, bytes.
        now: Time of its creation.
    """
    fields = [
        ("WARC-Target-URI", url or f"urn:sha256:{sha256}"),
        ("Content-Type", mime),
        ("WARC-Payload-Digest", f"sha256:{sha256}"),
    ]
    if refers_to is not None:
        fields.append(("WARC-Refers-To", _payload_id(refers_to)))
    return _head(kind, _payload_id(sha256), now, fields, length)


def revisit_record(url: str, sha256: str, status: int, now: datetime) -> bytes:
    """Return a ``revisit`` record: ``url`` was requested again and its payload still is ``sha256``."""
    same = "server-not-modified" if status == HTTPStatus.NOT_MODIFIED else "identical-payload-digest"
    http = http_head(status, ())
    fields = [
        ("WARC-Target-URI", url),
        ("Content-Type", _HTTP),
        ("WARC-Payload-Digest", f"sha256:{sha256}"),
        ("WARC-Refers-To", _payload_id(sha256)),
        ("WARC-Profile", _PROFILE + same),
    ]
    identifier = uuid.uuid5(_IDS, f"{sha256} {url} {_date(now)}").urn
    return _head("revisit", f"<{identifier}>", now, fields, len(http)) + http + RECORD_END


def warcinfo_record(segment: str, software: str, now: datetime) -> bytes:
    """Return the record that opens the segment file named ``segment``."""
    block = _lines([("software", software), ("format", "WARC File Format 1.1")])
    fields = [("WARC-Filename", segment), ("Content-Type", "application/warc-fields")]
    identifier = uuid.uuid5(_IDS, f"{segment} {_date(now)}").urn
    return _head("warcinfo", f"<{identifier}>", now, fields, len(block)) + block + RECORD_END


def http_head(status: int, headers: Headers, length: int | None = None) -> bytes:
    """Return an HTTP header for a body of ``length`` bytes that is stored decoded."""
    fields = [(_ORIGINAL + name if name.lower() in _TRANSFER else name, value) for name, value in headers]
    if length is not None:
        fields.append(("Content-Length", str(length)))
    return f"HTTP/1.1 {status} {_phrase(status)}\r\n".encode() + _lines(fields) + b"\r\n"


def parse_response(record: bytes) -> StoredPage:
    """Read a whole ``response`` record.

    Raises:
        CorruptObjectError: The bytes are not such a record.
    """
    warc, _, block = record.removesuffix(RECORD_END).partition(b"\r\n\r\n")
    head, _, body = block.partition(b"\r\n\r\n")
    status_line, *lines = head.decode(errors="replace").split("\r\n")
    fields = dict(_pairs(warc.decode(errors="replace").split("\r\n")[1:]))
    if fields.get("WARC-Type") != "response":
        raise CorruptObjectError(f"not a WARC response record: {warc[:60]!r}. Run m5data verify --objects.")
    return StoredPage(fields["WARC-Target-URI"], int(status_line.split(" ")[1]), tuple(_pairs(lines)), body)


def _head(kind: str, identifier: str, now: datetime, fields: Headers, length: int) -> bytes:
    common = [("WARC-Type", kind), ("WARC-Record-ID", identifier), ("WARC-Date", _date(now))]
    return b"WARC/1.1\r\n" + _lines([*common, *fields, ("Content-Length", str(length))]) + b"\r\n"


def _lines(fields: Headers) -> bytes:
    """Encode header lines; line ends inside a value, as a hostile server may send, become spaces."""
    text = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if not text.count("\r") == text.count("\n") == len(fields):
        text = "".join([f"{_flat(name)}: {_flat(value)}\r\n" for name, value in fields])
    return text.encode(errors="backslashreplace")


def _flat(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")


def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def _payload_id(sha256: str) -> str:
    """Return the record id of a payload: unique, because identical bytes are stored once."""
    return f"<{uuid.uuid5(_IDS, sha256).urn}>"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _date(now: datetime) -> str:
    return _second(int(now.timestamp()))


@lru_cache(maxsize=64)
def _second(timestamp: int) -> str:
    """Format a second as WARC does; cached, because thousands of records share one."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
