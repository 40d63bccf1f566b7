"""One way in which a server can misbehave."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from m5data.records import MediaKind

__all__ = ["Exchange", "Fault"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, and the means to answer it in any way at all."""

    path: str
    headers: Mapping[str, str]
    """Of the request, names in lower case."""
    count: int
    """How often this path was asked for, this time included."""
    address: str
    """``http://127.0.0.1:port`` of the server."""
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a well-formed answer; headers win over those that it would have."""
        full = {"Content-Length": str(len(body)), "Content-Type": "image/jpeg"} | dict(headers or {})
        await self.head(full, status)
        await self.send(body)

    async def head(self, headers: Mapping[str, str], status: int = 200) -> None:
        """Send a status line and headers."""
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
        await self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def hang(self) -> None:
        """Say nothing more, for longer than anyone waits."""
        await asyncio.sleep(3600)

    def reset(self) -> None:
        """Break the connection as a crash does, without a farewell."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a server can misbehave, and how a download of it must end."""

    name: str
    meaning: str
    """What the server does."""
    play: Callable[[Exchange], Awaitable[None]] = field(repr=False)
    """Answers one request; the connection is closed afterwards unless ``keeps_alive``."""
    reason: str | None
    """Reason that the downloader must give; None: the medium arrives in spite of it."""
    kind: MediaKind = "image"
    """What the page promised."""
    keeps_alive: bool = False
