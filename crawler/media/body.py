"""Read an answer's body: never more than allowed, whatever its length or encoding claims."""

import zlib

from crawler.media.refusal import Refusal
from crawler.media.reply import Reply
from crawler.media.sniff import kind_of, sniff
from m5data.records import MediaKind

__all__ = ["read_body"]

_ENCODED = {"gzip", "x-gzip", "deflate"}
_SNIFFED = 1024
_EITHER_WRAPPING = 32 + zlib.MAX_WBITS  # zlib finds out whether gzip's or its own


class _Decoder:
    """Undoes a content encoding, stopping at the cap: a gzip bomb costs no more than a large file."""

    def __init__(self, encoding: str) -> None:
        self._zlib = zlib.decompressobj(_EITHER_WRAPPING)
        self._encoding = encoding

    def decode(self, chunk: bytes, most: int) -> bytes:
        """Return what a chunk holds, at most ``most`` + 1 bytes of it."""
        try:
            return self._zlib.decompress(chunk, most + 1)
        except zlib.error as error:
            raise Refusal("bad_encoding", f"{self._encoding}: {error}") from error

    def finish(self) -> None:
        """Check that the encoded stream has ended."""
        if not self._zlib.eof:
            raise Refusal("truncated", f"the {self._encoding} stream lacks its end")


async def read_body(reply: Reply, kind: MediaKind, most: int) -> bytes:
    """Return the body, its content encoding undone.

    Reading stops at the first bytes that show a wrong type.

    Args:
        reply: the answer.
        kind: what was promised.
        most: bytes allowed.

    Raises:
        Refusal: ``too_large``, ``wrong_type``, ``bad_encoding``, ``truncated`` or ``bad_http``.
        aiohttp.ClientError: the connection failed.
    """
    decoder = _decoder(reply)
    parts: list[bytes] = []
    length = 0
    while chunk := await reply.content.readany():
        part = decoder.decode(chunk, most - length) if decoder else chunk
        parts.append(part)
        sniffed, length = length >= _SNIFFED, length + len(part)
        if length > most:
            raise Refusal("too_large", f"wanted at most {most} bytes, got more")
        if length >= _SNIFFED and not sniffed:
            _check_start(b"".join(parts), kind)
    if decoder:
        decoder.finish()
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _decoder(reply: Reply) -> _Decoder | None:
    encoding = reply.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in _ENCODED:
        raise Refusal("bad_encoding", "wanted identity or gzip")
    return _Decoder(encoding)


def _check_start(head: bytes, kind: MediaKind) -> None:
    mime = sniff(head)
    if mime is None or kind_of(mime) != kind:
        raise Refusal("wrong_type", f"wanted {kind}, got {mime or 'bytes of no known medium'}")
