"""Running a Prefect flow from a program, now or on a schedule."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx
from pydantic import ValidationError

from core.errors import DataError, M5DataError, UsageError
from core.stage import StageReport
from workspace.stages import Part

__all__ = ["check_cron", "quiet", "run_pipeline", "serve_schedule"]

_QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # stages report their work, and the command line reports errors
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
_NOTHING: Mapping[str, object] = MappingProxyType({})


def quiet() -> None:
    """Set Prefect's environment so that it prints and sends nothing; call this before Prefect is imported."""
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)


def run_pipeline(workspace: Path, part: Part, parameters: Mapping[str, object] = _NOTHING) -> list[StageReport]:
    """Run a Prefect flow on a workspace, with the API that Prefect's settings name or a private one.

    Args:
        workspace: The workspace's folder.
        part: Name of the flow.
        parameters: Its other parameters.

    Returns:
        The report of each stage, in order.

    Raises:
        M5DataError: The error of the stage that failed; the flow's run is marked failed with its message.
        DataError: The server stopped answering.
    """
    quiet()
    # Prefect reads its environment when it is imported
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415

    from flows import pipeline  # noqa: PLC0415
    from flows.prefect_server import api_url  # noqa: PLC0415

    with api_url(workspace / "prefect") as url, temporary_settings({PREFECT_API_URL: url}):
        try:
            state = getattr(pipeline, part)(str(workspace), **parameters, return_state=True)
        except httpx.HTTPError as error:
            raise DataError(
                f"Prefect's server at {url} stopped answering ({error!r}); start it and run again: finished work is "
                "kept"
            ) from error
        if isinstance(state.data, M5DataError):
            # Prefect keeps the raised error; a copy has no frames of this program to keep alive
            raise type(state.data)(*state.data.args)
        reports: list[StageReport] = state.result()
    return reports


def check_cron(cron: str) -> None:
    """Check a cron expression.

    Raises:
        UsageError: It is invalid, or names no time.
    """
    quiet()
    from prefect.client.schemas.schedules import CronSchedule  # noqa: PLC0415 - reads the environment

    try:
        CronSchedule(cron=cron)
    except ValidationError:
        raise UsageError(f'--cron: {cron!r} is not a cron expression; write five fields such as "0 3 * * *"') from None
    if not _ever_comes(cron):
        raise UsageError(f"--cron: {cron!r} names a day that no month has, so that it would never run; change it")


def _ever_comes(cron: str) -> bool:
    """Return whether Prefect's scheduler finds a time for a valid cron expression."""
    from prefect.server.schemas.schedules import CronSchedule  # noqa: PLC0415 - reads the environment

    try:
        return bool(asyncio.run(CronSchedule(cron=cron).get_dates(1)))
    except ValueError:  # it looks fifty years ahead
        return False


def serve_schedule(
    workspace: Path,
    part: Part,
    cron: str,
    parameters: Mapping[str, object],
    *,
    port: int,
    announce: Callable[[str], None],
) -> None:
    """Run a flow of a workspace on a schedule until this process is ended.

    Runs never overlap: one that is due during another waits for it. Each run is a separate process; if it dies, it is
    marked as crashed, and the next run finds the workspace unlocked.

    Args:
        workspace: The workspace's folder.
        part: Name of the flow.
        cron: Cron expression of the schedule.
        parameters: Its other parameters.
        port: Port of the server that is started if Prefect's settings name none.
        announce: Called with the server's URL once it is up.

    Raises:
        UsageError: The port is taken, or nothing answers at Prefect's configured URL.
        DataError: The server did not start in time.
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")  # a run's page shows what its stages did
    quiet()
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 - reads the environment

    from flows.prefect_server import scheduler_url  # noqa: PLC0415

    with scheduler_url(workspace / "prefect", port) as url, temporary_settings({PREFECT_API_URL: url}):
        announce(url.removesuffix("/api"))
        asyncio.run(_serve(workspace, part, cron, parameters))


async def _serve(workspace: Path, part: Part, cron: str, parameters: Mapping[str, object]) -> None:
    from prefect.runner import Runner  # noqa: PLC0415 - reads the environment
    from prefect.types.entrypoint import EntrypointType  # noqa: PLC0415

    from flows import pipeline  # noqa: PLC0415

    class OrderlyRunner(Runner):
        """A runner that ends cleanly on SIGTERM: Prefect's own aborts its event loop and leaves the run behind."""

        def handle_sigterm(self, *_: object, **__: object) -> None:
            """Start no more runs, cancel the current one, and end."""
            self.execute_in_background(self.astop)

    runner = OrderlyRunner(name=workspace.name, limit=1)
    await runner.aadd_flow(
        getattr(pipeline, part),
        name=workspace.name,
        cron=cron,
        parameters={"workspace": str(workspace), **parameters},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    await runner.start()
