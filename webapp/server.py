"""The HTTP server: one process that runs until SIGINT or SIGTERM, and the bounds of its connections."""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from m5data.errors import UsageError
from webapp.settings import ServeSettings

__all__ = ["CONNECTIONS", "bounded_protocol", "enough_files", "listen", "serve"]

_BACKLOG = 4096
_IDLE_S = 30
_END_S = 10


def listen(settings: ServeSettings) -> socket.socket:
    """Return a socket that listens where the settings say.

    Raises:
        UsageError: The place is taken, or is not this machine's.
    """
    host, port = settings.host.strip("[]"), settings.port
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(f"serve: cannot listen at {host}:{port}: {error.strerror}; choose another port") from None


def serve(app: ASGIApp, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first, then the signal takes its usual course.

    URLs hold personal links, so only errors are logged.

    Args:
        app: The application.
        listening: Where it listens.
        ready: Called once requests are answered.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_END_S,
        ws="none",
        http=bounded_protocol(),  # of h11: it bounds the head of a request, which httptools reads without end
    )
    with enough_files():
        _AnnouncingServer(config, ready).run(sockets=[listening])


class _AnnouncingServer(uvicorn.Server):
    """A server that says when it serves; a signal is obeyed from then on."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


CONNECTIONS = 4000
"""Connections at once; more get status 503."""
_WAITING = 1000
"""Connections without a whole request; of more, the one that waits for longest is closed."""
_GRACE_S = 1.0
"""A connection that has waited for less is not closed for another's sake."""
_REQUEST_S = 10.0
"""Time in which a request must have arrived whole, and in which the next one must."""
_STALL_S = 30.0
"""Time in which a client must take something of what is sent to it."""
_FILES_BESIDE = 256
"""Descriptors that tables, segments and the state may need."""

_LOG = logging.getLogger("uvicorn.error")


class BoundedProtocol(H11Protocol):
    """One connection. Those without a whole request are kept in the order in which they began to wait."""

    def __init__(self, waiting: dict["BoundedProtocol", float], **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Share the waiting connections with the others of this server: oldest first, and since when each waits."""
        super().__init__(**options)
        self._waiting = waiting
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; a client that sends nonsense loses its connection, and nothing else happens."""
        try:
            super().data_received(data)
        except (h11.ProtocolError, ValueError, KeyError) as error:
            _LOG.warning("Invalid HTTP request received: %s", type(error).__name__)
            self.transport.abort()

    def handle_events(self) -> None:
        """Start what arrived; a connection with a whole request waits no more."""
        super().handle_events()
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares that there always is one
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            self._stop_waiting()
        elif self not in self._waiting:
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self not in self._waiting and not self.transport.is_closing():
            self._wait()

    def pause_writing(self) -> None:
        """Give a client that takes nothing its last chance."""
        super().pause_writing()
        self._stall = self._stall or self.loop.call_later(_STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the client took something."""
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _wait(self) -> None:
        now = self.loop.time()
        self._waiting[self] = now
        self._deadline = self.loop.call_later(_REQUEST_S, self.transport.abort)
        oldest, since = next(iter(self._waiting.items()))
        if len(self._waiting) > _WAITING and now - since > _GRACE_S:
            oldest._stop_waiting()  # noqa: SLF001 - of this class
            oldest.transport.abort()

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def bounded_protocol() -> type[asyncio.Protocol]:
    """Return what makes the connections of one server."""
    return cast("type[asyncio.Protocol]", partial(BoundedProtocol, {}))


@contextmanager
def enough_files() -> Iterator[None]:
    """Raise this process's limit of open files, as far as it may, to what all connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
