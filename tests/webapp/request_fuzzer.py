"""Random requests to a running server: mutations of valid ones, sent as raw bytes."""

import json
import random
import re
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Result", "fuzz"]

_PIECES = (
    *(b"\x00", b"\xff\xfe", b"\r\n", b"\r\n\r\n", b"\n", b"%", b"%00", b"%ff", b"%2e%2e%2f", b"../", b"?", b"#", b";"),
    *(b"'", b'"', b"<script>", b"{{7*7}}", b"\xed\xa0\x80", "\u202e茶".encode(), b"-1", b"1e400", b"NaN", b"9" * 400),
    *(b"[" * 300, b'{"a":' * 200, b"x" * 5000, b"HTTP/9.9", b"null", b"true", b"host: evil.example"),
    *(b"content-length: 5", b"content-length: -1", b"transfer-encoding: chunked", b"expect: 100-continue"),
    *(b"upgrade: websocket\r\nconnection: upgrade", b"range: bytes=5-1,0-"),
)
_PATHS = (
    *("/", "/annotate", "/annotate/tasks", "/annotate/answers", "/annotate/skip", "/annotate/reopen"),
    *("/map/points?area=1,1_9,9_5,0&colour=brand", "/compare?a=shop:0&b=shop:1", "/products?seen=2026-01-01.."),
    *("/annotate/history?page=2", "/manage", "/manage/resume", "/labels", "/labels/pairs"),
    *("/labels/decisions", "/products", "/products?q=a&after=b&source=c&class=d&split=e", "/products/shop:0"),
    *(
        "/pages/shop:0",
        "/sql",
        "/sql?q=select+1",
        "/sql/columns",
        "/sql/file?query=select+1&format=csv",
        "/map",
        "/tags",
        "/views",
        "/in/abc",
        "/static/icon.svg",
    ),
    *("/static/../app.py", f"/objects/{'a' * 64}", f"/frames/{'b' * 64}/0/10", f"/mfcc/{'c' * 64}/13.png", "/nowhere"),
)
_BODIES = (
    *(b"", b"{}", b"[1, 2]", b'{"task": 1, "answer": "matched", "seconds": 2.5}'),
    b'{"left": {"source": "a", "text": "b"}, "right": {"source": "c", "text": "d"}, "kind": "accept", "name": "e"}',
)
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """Responses of the server."""

    statuses: Counter[str]
    """Status, or ``none`` if the server closed the connection -> number of requests."""
    bad: tuple[bytes, ...]
    """Requests answered with a status of 500 or more, or not within the deadline."""


def fuzz(address: tuple[str, int], headers: Sequence[str], count: int, seed: int) -> Result:
    """Send ``count`` random requests, one per connection.

    Args:
        address: Host and port of the server.
        headers: Headers of a signed-in person, sent with half of the requests.
        count: Number of requests.
        seed: Seed of the random choice.
    """
    choose = random.Random(seed)
    statuses: Counter[str] = Counter()
    bad = []
    for _ in range(count):
        request = _request(choose, address, headers)
        status = _send(address, request)
        statuses[status] += 1
        if status.startswith("5") or status == "late":
            bad.append(request)
    return Result(statuses, tuple(bad))


def _request(choose: random.Random, address: tuple[str, int], headers: Sequence[str]) -> bytes:
    method = choose.choice(("GET", "GET", "POST", "POST", "HEAD", "PUT", "OPTIONS", "DELETE"))
    body = choose.choice(_BODIES)
    if choose.random() < 0.2:
        body = json.dumps(_value(choose, 0)).encode()
    own = [f"host: {address[0]}:{address[1]}", "connection: close", "content-type: application/json"]
    own += [f"content-length: {len(body)}"] if body else []
    own += headers if choose.random() < 0.5 else []
    head = "\r\n".join([f"{method} {choose.choice(_PATHS)} HTTP/1.1", *own])
    request = head.encode() + b"\r\n\r\n" + body
    for _ in range(choose.choice((0, 1, 1, 2, 4))):
        request = _mutate(choose, request)
    return request


def _value(choose: random.Random, depth: int) -> object:
    if depth > 3 or choose.random() < 0.5:
        return choose.choice([None, True, -1, 2**70, 1e308, "", "matched", "\x00", "\ud800", "x" * 3000, "shop:0"])
    if choose.random() < 0.3:
        return [_value(choose, depth + 1) for _ in range(choose.randrange(4))]
    names = ("task", "answer", "seconds", "kind", "name", "query", "sql", "source", "rows", "options")
    return {choose.choice(names): _value(choose, depth + 1) for _ in range(choose.randrange(5))}


def _mutate(choose: random.Random, request: bytes) -> bytes:
    place, kind = choose.randrange(len(request) + 1), choose.randrange(5)
    if kind == 0:
        return request[:place] + choose.choice(_PIECES) + request[place:]
    if kind == 1:
        return request[:place] + request[place + choose.randrange(1, 30) :]
    if kind == 2:
        return request[:place] + bytes([choose.randrange(256)]) + request[place + 1 :]
    if kind == 3:
        lines = request.split(b"\r\n")
        lines.insert(choose.randrange(len(lines)), choose.choice(lines))
        return b"\r\n".join(lines)
    return re.sub(rb"[a-z]{4,}", lambda match: match[0].upper() if choose.random() < 0.1 else match[0], request)


def _send(address: tuple[str, int], request: bytes) -> str:
    try:
        with socket.create_connection(address, timeout=_TIMEOUT_S) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            said = client.recv(64)
    except TimeoutError:
        return "late"
    except OSError:
        return "none"
    match = re.match(rb"HTTP/1\.1 (\d{3})", said)
    return match[1].decode() if match else "none"
