"""A Prefect API for a run: the one that is configured, or a private one that dies with the run.

Prefect's own temporary server outlives a process that is killed; this one does not.
"""

import multiprocessing
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

from m5data.errors import DataError, UsageError
from storage.children import die_with_parent

__all__ = ["api_url"]

ANSWER_DEADLINE_S = 10.0
START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 5.0


@contextmanager
def api_url(home: Path) -> Iterator[str]:
    """Yield the address of a Prefect API.

    That is ``PREFECT_API_URL`` where Prefect's settings name one. Otherwise a server is
    started for the time of the context; it keeps its run history under ``home``.

    Raises:
        UsageError: Nothing answers at the configured address.
        DataError: The private server did not start in time.
    """
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - a second's import

    configured = PREFECT_API_URL.value()
    if configured:
        _check_reachable(str(configured))
        yield str(configured)
    else:
        with _private_server(home) as url:
            yield url


def _check_reachable(url: str) -> None:
    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=ANSWER_DEADLINE_S).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UsageError(
            f"PREFECT_API_URL: wanted a Prefect API at {url}, got: {error}; start that server, or unset the variable"
        ) from None


@contextmanager
def _private_server(home: Path) -> Iterator[str]:
    home.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        child = context.Process(target=_serve, args=(listener, home, theirs), name="m5data-prefect", daemon=True)
        child.start()
    theirs.close()
    try:
        _await_start(ours, home)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        child.terminate()
        child.join(STOP_DEADLINE_S)
        if child.is_alive():
            child.kill()
            child.join()


def _await_start(ready: Connection, home: Path) -> None:
    try:
        started = ready.poll(START_DEADLINE_S) and ready.recv()
    except EOFError:
        started = False
    if not started:
        raise DataError(
            f"Prefect's server in {home}: wanted it up in {START_DEADLINE_S:.0f} s, it is not; "
            "remove that folder, or name a running server in PREFECT_API_URL"
        )


def _serve(listener: socket.socket, home: Path, ready: Connection) -> None:
    die_with_parent()
    os.environ.update(
        PREFECT_HOME=str(home),
        PREFECT_UI_ENABLED="0",
        PREFECT_SERVER_ANALYTICS_ENABLED="0",
        PREFECT__SERVER_EPHEMERAL="1",
        PREFECT__SERVER_FINAL="1",
        PREFECT_LOGGING_LEVEL="ERROR",
    )
    import uvicorn  # noqa: PLC0415 - only the child needs a server
    from prefect.server.api.server import create_app  # noqa: PLC0415 - reads the environment above

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.send(self.started)

    Server(uvicorn.Config(create_app(), log_level="error", lifespan="on")).run(sockets=[listener])
