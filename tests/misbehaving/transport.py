"""Faults of the connection and of HTTP's framing."""

import asyncio

from tests.misbehaving.content import jpeg
from tests.misbehaving.fault import Exchange, Fault

__all__ = ["TRANSPORT_FAULTS"]

_CHUNKED = {"Transfer-Encoding": "chunked", "Content-Type": "image/jpeg"}


async def _slow_headers(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-")
    await exchange.hang()


async def _silence(exchange: Exchange) -> None:
    await exchange.hang()


async def _slow_body(exchange: Exchange) -> None:
    await exchange.head({"Content-Length": "100000", "Content-Type": "image/jpeg"})
    for byte in jpeg().ljust(100_000, b"\0"):
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0.02)


async def _stalled_body(exchange: Exchange) -> None:
    await exchange.head({"Content-Length": "100000", "Content-Type": "image/jpeg"})
    await exchange.send(jpeg())
    await exchange.hang()


async def _endless_interim(exchange: Exchange) -> None:
    while True:
        await exchange.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await asyncio.sleep(0.01)


async def _endless_headers(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(1_000_000):
        await exchange.send(b"X-Header-%d: %s\r\n" % (number, b"x" * 1000))


async def _huge_header(exchange: Exchange) -> None:
    await exchange.answer(jpeg(), headers={"X-Huge": "x" * 500_000})


async def _endless_body(exchange: Exchange) -> None:
    await exchange.head(_CHUNKED)
    await exchange.send(_chunk(jpeg()))
    while True:
        await exchange.send(_chunk(bytes(65_536)))


async def _short_body(exchange: Exchange) -> None:
    await exchange.answer(jpeg()[:-100], headers={"Content-Length": str(len(jpeg()))})


async def _long_body(exchange: Exchange) -> None:
    await exchange.answer(jpeg()[:-100])
    await asyncio.sleep(0.05)
    await exchange.send(jpeg())


async def _reset_early(exchange: Exchange) -> None:
    exchange.reset()


async def _reset_midway(exchange: Exchange) -> None:
    await exchange.head({"Content-Length": "100000", "Content-Type": "image/jpeg"})
    await exchange.send(jpeg())
    await asyncio.sleep(0.05)
    exchange.reset()


async def _close_early(_: Exchange) -> None:
    return


async def _bad_chunk(exchange: Exchange) -> None:
    await exchange.head(_CHUNKED)
    await exchange.send(_chunk(jpeg()))
    await asyncio.sleep(0.05)
    await exchange.send(b"zz\r\nnonsense\r\n")
    await exchange.hang()


async def _bad_chunk_at_once(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + _chunk(jpeg()) + b"zz\r\n")


async def _no_last_chunk(exchange: Exchange) -> None:
    await exchange.head(_CHUNKED)
    await exchange.send(_chunk(jpeg()))


async def _no_http(exchange: Exchange) -> None:
    await exchange.send(b"220 mail.example ESMTP ready\r\n\r\n")


async def _two_lengths(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n" + jpeg())


async def _until_close(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg())


async def _cut_until_close(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg()[:-50])


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


TRANSPORT_FAULTS = (
    Fault("silence", "takes the request and says nothing", _silence, "timeout"),
    Fault("slow-headers", "stops in the middle of a header", _slow_headers, "timeout"),
    Fault("slow-body", "sends one byte every 20 ms", _slow_body, "timeout"),
    Fault("stalled-body", "stops in the middle of the body", _stalled_body, "timeout"),
    Fault("endless-interim", "sends 103 Early Hints for ever", _endless_interim, "timeout"),
    Fault("endless-headers", "sends headers for ever", _endless_headers, "bad_http"),
    Fault("huge-header", "sends a header of 500 kB", _huge_header, "bad_http"),
    Fault("endless-body", "sends chunks for ever", _endless_body, "too_large"),
    Fault("short-body", "closes 100 bytes before Content-Length", _short_body, "truncated"),
    Fault("long-body", "sends more bytes than Content-Length", _long_body, "truncated"),
    Fault("reset-early", "resets the connection after the request", _reset_early, "reset"),
    Fault("reset-midway", "resets the connection within the body", _reset_midway, "truncated"),
    Fault("close-early", "closes the connection without an answer", _close_early, "reset"),
    Fault("bad-chunk", "sends a chunk whose length is no number", _bad_chunk, "bad_http"),
    Fault("bad-chunk-at-once", "the same, all in one packet", _bad_chunk_at_once, "bad_http"),
    Fault("no-last-chunk", "closes before the last chunk", _no_last_chunk, "truncated"),
    Fault("no-http", "answers in another protocol", _no_http, "bad_http"),
    Fault("two-lengths", "sends two lengths that differ", _two_lengths, "bad_http"),
    Fault("until-close", "sends no length and closes at the end", _until_close, None),
    Fault("cut-until-close", "sends no length and closes before the end", _cut_until_close, "truncated"),
)
