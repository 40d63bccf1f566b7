"""The HTTP server: one process that runs until SIGINT or SIGTERM."""

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from m5data.errors import UsageError
from webapp.connections import CONNECTIONS, bounded_protocol, enough_files
from webapp.settings import ServeSettings

__all__ = ["listen", "serve"]

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
