"""One way in which a server can misbehave."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from core.records import MediaKind

__all__ = ["Exchange", "Fault"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, and methods to answer it in any way."""

    path: str
    headers: Mapping[str, str]
    """Headers of the request, names in lower case."""
    count: int
    """Number of requests for this path so far, including this one."""
    address: str
    """``http://127.0.0.1:port`` of the server."""
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a well-formed response; ``headers`` override the default ones."""
        full = {"Content-Length": str(len(body)), "Content-Type": "image/jpeg"} | dict(headers or {})
        await self.head(full, status)
        await self.send(body)

    async def head(self, headers: Mapping[str, str], status: int = 200) -> None:
        """Send a status line and headers."""
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
        await self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def hang(self) -> None:
        """Send nothing more, for longer than any client waits."""
        await asyncio.sleep(3600)

    def reset(self) -> None:
        """Reset the connection abruptly, as a crash does."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a server can misbehave, and how a download of it must end."""

    name: str
    meaning: str
    """Description of what the server does."""
    play: Callable[[Exchange], Awaitable[None]] = field(repr=False)
    """Answers one request; the connection is closed afterwards unless ``keeps_alive``."""
    reason: str | None
    """Reason that the downloader must record; None: the file arrives in spite of the fault."""
    kind: MediaKind = "image"
    """Kind of media that the page announced."""
    keeps_alive: bool = False
