"""The HTTP server, one process that runs until SIGINT or SIGTERM, and the limits of its connections."""

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

from core.errors import UsageError
from webapp.settings import ServeSettings

__all__ = ["CONNECTIONS", "bounded_protocol", "enough_files", "listen", "serve"]

_BACKLOG = 4096
_IDLE_S = 30
_END_S = 4
"""Seconds that requests in progress get to end by themselves."""


def listen(settings: ServeSettings) -> socket.socket:
    """Return a socket that listens at the host and port of the settings.

    Raises:
        UsageError: The port is taken, or the host is not this machine's.
    """
    host, port = settings.host.strip("[]"), settings.port
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(f"serve: cannot listen at {host}:{port}: {error.strerror}; choose another port") from None


def serve(app: ASGIApp, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests in progress are finished first, then the signal has its usual effect.

    Requests are not logged, because URLs contain the tokens of personal links.

    Args:
        app: The application.
        listening: The socket to accept connections from.
        ready: Called once the server answers requests.
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
        http=bounded_protocol(),  # based on h11, which limits the size of request headers; httptools does not
    )
    with enough_files():
        _AnnouncingServer(config, ready).run(sockets=[listening])


class _AnnouncingServer(uvicorn.Server):
    """A server that reports when it is ready; signals are handled from then on."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


CONNECTIONS = 4000
"""Maximum number of concurrent connections; more get status 503."""
_WAITING = 1000
"""Maximum number of connections without a complete request; of more, the one waiting longest is closed."""
_GRACE_S = 1.0
"""Seconds; a connection that has waited for less is not closed in favour of another."""
_REQUEST_S = 10.0
"""Seconds within which a request, and then the next one, must arrive completely."""
_STALL_S = 30.0
"""Seconds within which a client must accept some of the data sent to it."""
_FILES_BESIDE = 256
"""File descriptors that tables, segments and the state may need in addition."""

_LOG = logging.getLogger("uvicorn.error")


class BoundedProtocol(H11Protocol):
    """One connection; those without a complete request are kept in the order in which they began to wait."""

    def __init__(self, waiting: dict["BoundedProtocol", float], **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Share the waiting connections of this server, oldest first, each with the time at which it began to wait."""
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
        """Process bytes of a request; a client that sends invalid data only loses its connection."""
        try:
            super().data_received(data)
        except (h11.ProtocolError, ValueError, KeyError) as error:
            _LOG.warning("Invalid HTTP request received: %s", type(error).__name__)
            self.transport.abort()

    def handle_events(self) -> None:
        """Start a request that arrived; a connection with a complete request no longer waits."""
        super().handle_events()
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, against uvicorn's type
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
        """Set a deadline for a client that accepts no data."""
        super().pause_writing()
        self._stall = self._stall or self.loop.call_later(_STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel the deadline, because the client accepted data."""
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
    """Return the factory of the connections of one server."""
    return cast("type[asyncio.Protocol]", partial(BoundedProtocol, {}))


@contextmanager
def enough_files() -> Iterator[None]:
    """Raise this process's limit of open files to the needs of all connections, as far as permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
