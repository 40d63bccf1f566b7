"""The watch over requests under way: one look at all of them, instead of several timers for each."""

import asyncio

from aiohttp import SocketTimeoutError, StreamReader
from aiohttp.client_proto import ResponseHandler

from crawler.media.refusal import Refusal

__all__ = ["Watch", "Watched"]

_EVERY_S = 0.25


class Watched:
    """One request under way.

    Attributes:
        protocol: its end of the connection.
        content: the answer's body, once its headers have come.
    """

    __slots__ = ("_at", "_deadline", "_seen", "content", "protocol")

    def __init__(self, protocol: ResponseHandler, deadline: float) -> None:
        self.protocol = protocol
        self.content: StreamReader | None = None
        self._deadline = deadline
        self._seen = -1
        self._at = 0.0

    def look(self, now: float, idle_s: float) -> None:
        """End the wait where it has lasted too long, or nothing can come any more."""
        if self.content is not None and self._is_cut_off(self.content):
            self.content.set_exception(Refusal("bad_http", "the connection ended within the body, its framing broken"))
            return
        seen = 0 if self.content is None else 1 + self.content.total_bytes
        if seen != self._seen:
            self._seen, self._at = seen, now
        if now >= self._deadline or now - self._at >= idle_s:
            error = SocketTimeoutError("no whole answer in time")
            self.protocol.set_exception(error)
            if self.content is not None:
                self.content.set_exception(error)

    def _is_cut_off(self, content: StreamReader) -> bool:
        """Tell whether the connection is gone though the body neither ended nor failed.

        aiohttp (3.14) never ends the wait for a body whose framing broke after its headers: it closes
        the connection and tells nobody.
        """
        return not self.protocol.is_connected() and not content.is_eof() and content.exception() is None


class Watch:
    """Looks at every request under way a few times a second.

    Args:
        idle_s: seconds without a single byte after which an answer is given up.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._watched: set[Watched] = set()
        self.add = self._watched.add
        self.remove = self._watched.remove

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_EVERY_S)
            now = loop.time()
            for watched in tuple(self._watched):
                watched.look(now, self._idle_s)
