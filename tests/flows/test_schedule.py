"""``m5data schedule`` on its own Prefect server: one run completes, and SIGTERM ends the next and all processes.

``tests/slow/flows/test_schedule_killed.py`` waits for scheduled runs and kills one; the runs here are requested.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from core.errors import UsageError
from flows.running import check_cron
from tests.flows.prefect_api import PrefectApi, until
from workspace import Workspace

PROGRAM = Path(sys.executable).parent / "m5data"
DEADLINE_S = 240.0
SHUTDOWN_S = 60.0
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def schedule(workspace: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    words = [str(PROGRAM), "schedule", "--cron", "0 0 1 1 *", "--flow", "collect", "--refresh", "--port", str(port)]
    with subprocess.Popen([*words, "-w", str(workspace)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ask_for_run(api: PrefectApi, deployment: str) -> str:
    run: str = api.ask(f"deployments/{deployment}/create_flow_run")["id"]
    return run


def run_of(api: PrefectApi, run: str) -> dict[str, Any] | None:
    return next((one for one in api.runs() if one["id"] == run), None)


def ended(api: PrefectApi, run: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        one = run_of(api, run)
        return one if one and one["state_type"] in ENDED else None

    one: dict[str, Any] = until(found, DEADLINE_S, f"the end of run {run}")
    return one


@pytest.mark.usefixtures("prefect_home")
@pytest.mark.timeout(900)
def test_a_run_is_made_and_sigterm_ends_the_next(fresh: Workspace) -> None:
    port = free_port()
    with schedule(fresh.root, port) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"collect at 0 0 1 1 *; runs at http://127.0.0.1:{port} ")
        api = PrefectApi(f"http://127.0.0.1:{port}/api")
        found = until(lambda: api.ask("deployments/filter"), DEADLINE_S, "the deployment")[0]
        deployment, form = found["id"], found["parameter_openapi_schema"]["properties"]
        assert {name: field["description"] for name, field in form.items()}.keys() == {
            "workspace", "source", "limit", "refresh"
        }  # fmt: skip
        assert found["parameters"] == {"workspace": str(fresh.root), "refresh": True}
        with pytest.raises(httpx.HTTPStatusError, match="409 Conflict"):
            api.ask(f"deployments/{deployment}/create_flow_run", parameters={"limit": 0})
        first = ask_for_run(api, deployment)
        assert ended(api, first)["state_type"] == "COMPLETED"
        assert api.tasks(first) == ["crawl", "records", "download"]
        shown = {key for key in api.artifacts(first) if not key.startswith("m5data-progress-")}  # of slow stages only
        assert shown == {"m5data-stages", "m5data-drops", "m5data-ledger"}
        last = ask_for_run(api, deployment)
        until(lambda: run_of(api, last), DEADLINE_S, "the last run's start")
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert psutil.wait_procs([*family, psutil.Process(process.pid)], timeout=SHUTDOWN_S)[1] == []
    with Workspace.open(fresh.root).store.lock():
        assert set(Workspace.open(fresh.root).snapshot.stages) == {"crawl", "records", "download"}


def test_a_wrong_cron_is_a_wrong_request() -> None:
    check_cron("*/5 3 * * 1-5")
    with pytest.raises(UsageError, match=r"--cron: 'every night' is not a cron expression; write five fields such as"):
        check_cron("every night")


@pytest.mark.parametrize("cron", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_schedule_that_never_comes_is_refused(cron: str) -> None:
    check_cron("0 0 29 2 *")
    with pytest.raises(UsageError, match=r"names a day that no month has, so that it would never run; change it"):
        check_cron(cron)


def test_a_run_beside_another_is_refused(fresh: Workspace) -> None:
    with fresh.store.lock():
        words = [str(PROGRAM), "extract", "-w", str(fresh.root)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert done.returncode == 2
    assert "another run (process " in done.stderr
    assert "Wait until it ends; reading is possible meanwhile." in done.stderr
