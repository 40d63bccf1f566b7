"""Prefect API for a run: the configured one, or a private one that dies with the run.

Prefect's own temporary server outlives a killed process; this one does not.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx

from core.errors import DataError, UsageError
from core.processes.children import Child

__all__ = ["api_url", "scheduler_url"]

ANSWER_DEADLINE_S = 10.0
START_DEADLINE_S = 300.0
STOP_DEADLINE_S = 5.0


@contextmanager
def api_url(home: Path) -> Iterator[str]:
    """Yield the URL of a Prefect API.

    That is ``PREFECT_API_URL`` if Prefect's settings name one. Otherwise a server runs while
    the context lasts, and keeps its run history under ``home``.

    Raises:
        UsageError: Nothing answers at the configured URL.
        DataError: The private server did not start in time.
    """
    configured = _configured()
    if configured:
        yield configured
    else:
        with _private_server(home, 0, pages=False) as url:
            yield url


@contextmanager
def scheduler_url(home: Path, port: int) -> Iterator[str]:
    """Yield the URL of a Prefect API that starts scheduled runs and serves its web pages.

    That is ``PREFECT_API_URL`` if Prefect's settings name one. Otherwise a full server runs at ``port`` of this
    machine while the context lasts, and keeps its data under ``home``.

    Raises:
        UsageError: Nothing answers at the configured URL, or the port is taken.
        DataError: The server did not start in time.
    """
    configured = _configured()
    if configured:
        yield configured
    else:
        with _private_server(home, port, pages=True) as url:
            yield url


def _configured() -> str | None:
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second to import

    configured = PREFECT_API_URL.value()
    if configured:
        _check_reachable(str(configured))
    return str(configured) if configured else None


def _check_reachable(url: str) -> None:
    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=ANSWER_DEADLINE_S).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UsageError(
            f"PREFECT_API_URL: no Prefect API answers at {url} ({error}); start that server, or unset the variable"
        ) from None


@contextmanager
def _private_server(home: Path, port: int, *, pages: bool) -> Iterator[str]:
    home.mkdir(parents=True, exist_ok=True)
    with _listener(port) as listener:
        port = listener.getsockname()[1]
        environment = _environment(home, port, pages=pages)
        child = Child(_serve, listener, environment, name="m5data-prefect")
    try:
        _await_start(child.pipe, home)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        child.end(STOP_DEADLINE_S)


def _await_start(ready: "Connection[Any, Any]", home: Path) -> None:
    try:
        started = ready.poll(START_DEADLINE_S) and ready.recv()
    except EOFError:
        started = False
    if not started:
        raise DataError(
            f"Prefect's server in {home} did not start within {START_DEADLINE_S:.0f} s; run again when the machine is "
            "less busy, or remove that folder, or name a running server in PREFECT_API_URL"
        )


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(
            f"port {port} of this machine cannot be used for Prefect's server ({error.strerror}); choose another with "
            "--port, or name a running server in PREFECT_API_URL"
        ) from None


def _environment(home: Path, port: int, *, pages: bool) -> dict[str, str]:
    """Return the server's environment; without web pages it also runs no services, and starts faster."""
    common = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "0",
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_LOGGING_LEVEL": "ERROR",
    }
    if pages:
        return {**common, "PREFECT_UI_ENABLED": "1", "PREFECT_UI_API_URL": f"http://127.0.0.1:{port}/api"}
    return {**common, "PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}


def _serve(listener: socket.socket, environment: dict[str, str], ready: "Connection[Any, Any]") -> None:
    os.environ.update(environment)
    import uvicorn  # noqa: PLC0415 - only the child needs a server
    from prefect.server.api.server import create_app  # noqa: PLC0415 - reads the environment above

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.send(self.started)

    Server(uvicorn.Config(create_app(), log_level="error", lifespan="on")).run(sockets=[listener])
