"""The misbehaving server itself, on raw streams, because a web framework would not allow most faults."""

import asyncio
import threading
from collections import Counter
from contextlib import suppress
from typing import Self

from tests.misbehaving.content import CONTENT_FAULTS, gzip_bomb
from tests.misbehaving.fault import Exchange, Fault
from tests.misbehaving.statuses import STATUS_FAULTS
from tests.misbehaving.transport import TRANSPORT_FAULTS

__all__ = ["FAULTS", "MisbehavingServer"]

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*CONTENT_FAULTS, *TRANSPORT_FAULTS, *STATUS_FAULTS)}
"""Name (also the path) -> fault."""

_LONGEST_HEAD = 65_536
_TLS_HELLO = b"\x16"


class MisbehavingServer:
    """A server of every fault at ``/<name>``, on a free port of 127.0.0.1, in its own thread.

    A path may continue after the name (``/gone/7.jpg``), so that one fault has many URLs. Over HTTPS,
    it answers in plain text, which is also a fault. Use as a context manager.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.requests: Counter[str] = Counter()
        """Path -> number of requests for it."""
        self.port = 0
        """Port, once started."""

    @property
    def authority(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """Return the URL of a fault, or of a path that begins with its name."""
        return f"http://{self.authority}/{path}"

    def __enter__(self) -> Self:
        gzip_bomb()  # cached now, so that no request waits for it
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LONGEST_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection; a client may hang up at any time."""
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._answer(reader, writer):
                    pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection stays open."""
        start = await reader.readexactly(1)
        if start == _TLS_HELLO:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return False
        lines = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        self.requests[path] += 1
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        here = f"http://{self.authority}"
        exchange = Exchange(path, headers, self.requests[path], here, writer)
        fault = FAULTS.get(path.split("/")[1].rstrip("x"))
        if fault is None:
            await exchange.answer(b"", 404)
            return True
        await fault.play(exchange)
        return fault.keeps_alive
