"""A proxy for an HTTP server that returns 503, responds late or loses a response, by a seeded choice."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import numpy as np

__all__ = ["Faults", "faulty_proxy"]

_LATE_S = 0.3
_TIMEOUT_S = 60.0
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass
class Faults:
    """Shares of requests that meet each fault, and counts of those that did."""

    refused: float = 0.0
    """Answered with 503, and not forwarded."""
    lost: float = 0.0
    """Forwarded, and not answered."""
    late: float = 0.0
    seed: int = 5
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._generator = np.random.default_rng(self.seed)
        self._mutex = threading.Lock()

    def draw(self) -> str:
        """Return the fault of the next request; empty: none."""
        with self._mutex:
            value = float(self._generator.random())
            kinds = {"refused": self.refused, "lost": self.lost, "late": self.late}
            for kind, share in kinds.items():
                if value < share:
                    self.happened[kind] += 1
                    return kind
                value -= share
            self.happened["none"] += 1
            return ""


@contextmanager
def faulty_proxy(target: str, faults: Faults) -> Iterator[str]:
    """Serve ``target`` with faults while the context lasts; yield the proxy's URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = faults.draw()
            if fault == "refused":
                self._answer(503, {}, b"<Error><Code>SlowDown</Code></Error>")
                return
            if fault == "late":
                time.sleep(_LATE_S)
            upstream = HTTPConnection(urlsplit(target).netloc, timeout=_TIMEOUT_S)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                content = answer.read()
            finally:
                upstream.close()
            if fault == "lost":
                self.close_connection = True
                return
            length = answer.headers.get("Content-Length") if self.command == "HEAD" else None
            self._answer(answer.status, dict(answer.headers), content, length)

        def _answer(self, status: int, headers: dict[str, str], content: bytes, length: str | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815 - names that http.server requires

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
