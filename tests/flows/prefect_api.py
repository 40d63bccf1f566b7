"""A Prefect server started for a test, and a client of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

__all__ = ["PrefectApi", "prefect_server", "until"]

_START_S = 120.0
_STEP_S = 0.1
_ATTEMPTS = 5


class PrefectApi:
    """The parts of the REST interface that tests use.

    Args:
        url: URL of the API, ending in ``/api``.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **filters: object) -> Any:  # noqa: ANN401 - JSON
        """Return the response to a POST; retry on 503, which a server with a busy database returns."""
        for _ in range(_ATTEMPTS):
            answer = httpx.post(f"{self.url}/{path}", json=filters, timeout=30)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
        answer.raise_for_status()
        return answer.json()

    def runs(self) -> list[dict[str, Any]]:
        """Return the flow runs that have begun, oldest first."""
        found = self.ask("flow_runs/filter", sort="START_TIME_ASC", limit=200)
        return [run for run in found if run["start_time"] is not None]

    def artifacts(self, run: str) -> dict[str, Any]:
        """Return key -> data of the artifacts of a flow run."""
        found = self.ask("artifacts/filter", flow_runs={"id": {"any_": [run]}})
        return {artifact["key"]: artifact["data"] for artifact in found}

    def tasks(self, run: str) -> list[str]:
        """Return the names of the tasks of a flow run, in the order in which they began."""
        found = self.ask("task_runs/filter", flow_runs={"id": {"any_": [run]}})
        return [task["name"].rpartition("-")[0] for task in sorted(found, key=lambda task: str(task["start_time"]))]

    def messages(self, run: str) -> list[str]:
        """Return the log messages of a flow run."""
        return [line["message"] for line in self.ask("logs/filter", logs={"flow_run_id": {"any_": [run]}}, limit=200)]


@contextmanager
def prefect_server(home: Path) -> Iterator[PrefectApi]:
    """Run ``prefect server start`` on a free port, with its files under ``home``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "0"}
    environment["PREFECT_UI_API_URL"] = f"http://127.0.0.1:{port}/api"
    words = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (
        (home / "server.log").open("wb") as log,
        subprocess.Popen(words, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            api = PrefectApi(f"http://127.0.0.1:{port}/api")
            until(lambda: _answers(api), _START_S, "the Prefect server's start")
            yield api
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:  # noqa: ANN401 - the condition's own type
    """Wait until a condition holds, and return its result.

    Raises:
        TimeoutError: The condition does not hold in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(_STEP_S)
    raise TimeoutError(f"waited {seconds:g} s for {what}")


def _answers(api: PrefectApi) -> bool:
    try:
        return httpx.get(f"{api.url}/health", timeout=5).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
