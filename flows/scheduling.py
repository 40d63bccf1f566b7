"""Serving a flow on a schedule."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from flows.running import quiet
from flows.stages import Part
from m5data.errors import UsageError

__all__ = ["check_cron", "serve_schedule"]


def check_cron(cron: str) -> None:
    """Check a cron expression.

    Raises:
        UsageError: It is none.
    """
    quiet()
    from prefect.client.schemas.schedules import CronSchedule  # noqa: PLC0415 - reads the environment

    try:
        CronSchedule(cron=cron)
    except ValidationError:
        raise UsageError(f'--cron: wanted five fields such as "0 3 * * *", got {cron!r}; correct it') from None


def serve_schedule(
    workspace: Path,
    part: Part,
    cron: str,
    chosen: Mapping[str, object],
    *,
    port: int,
    tell: Callable[[str], None],
) -> None:
    """Serve a flow of a workspace on a schedule until this process is told to end.

    Runs follow one another: one that is due while another runs waits for it. A run is a process of its own; one that
    dies is marked crashed, and the next finds its workspace unlocked.

    Args:
        workspace: The workspace's folder.
        part: Name of the flow.
        cron: When.
        chosen: Its other parameters.
        port: Of the server, where Prefect's settings name none.
        tell: Is told where the server is.

    Raises:
        UsageError: The port is taken, or nothing answers at Prefect's configured address.
        DataError: The server did not start in time.
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")  # what stages did is shown on the page of their run
    quiet()
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 - reads the environment

    from flows.prefect_server import scheduler_url  # noqa: PLC0415

    with scheduler_url(workspace / "prefect", port) as url, temporary_settings({PREFECT_API_URL: url}):
        tell(url.removesuffix("/api"))
        asyncio.run(_serve(workspace, part, cron, chosen))


async def _serve(workspace: Path, part: Part, cron: str, chosen: Mapping[str, object]) -> None:
    from prefect.runner import Runner  # noqa: PLC0415 - reads the environment
    from prefect.types.entrypoint import EntrypointType  # noqa: PLC0415

    from flows import pipeline  # noqa: PLC0415

    class OrderlyRunner(Runner):
        """Prefect's own way of ending on SIGTERM breaks its event loop off and leaves the run behind."""

        def handle_sigterm(self, *_: object, **__: object) -> None:
            """Ask for no more runs, cancel the one that runs, and end."""
            self.execute_in_background(self.astop)

    runner = OrderlyRunner(name=workspace.name, limit=1)
    await runner.aadd_flow(
        getattr(pipeline, part),
        name=workspace.name,
        cron=cron,
        parameters={"workspace": str(workspace), **chosen},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    await runner.start()
