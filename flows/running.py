"""Running the flow from a program: Prefect's environment, its API, the flow."""

import os
from pathlib import Path

from flows.stages import Part
from m5data.stage import StageReport

__all__ = ["run_pipeline"]

_QUIET = {
    "PREFECT_LOGGING_LEVEL": "WARNING",  # stages tell what they do themselves
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


def run_pipeline(workspace: Path, part: Part, *, refresh: bool = False) -> list[StageReport]:
    """Run the Prefect flow on a workspace, with the API that Prefect's settings name or a private one.

    Returns:
        What each stage did, in order.
    """
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
    # Prefect reads its environment when it is imported
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415

    from flows.pipeline import pipeline  # noqa: PLC0415
    from flows.prefect_server import api_url  # noqa: PLC0415

    with api_url(workspace / "prefect") as url, temporary_settings({PREFECT_API_URL: url}):
        reports: list[StageReport] = pipeline(str(workspace), part, refresh=refresh)
    return reports
