"""Running a flow from a program: Prefect's environment, its API, the flow."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import httpx

from flows.stages import Part
from m5data.errors import DataError, M5DataError
from m5data.stage import StageReport

__all__ = ["quiet", "run_pipeline"]

_QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # stages tell what they do, and the command line what went wrong
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
_NOTHING: Mapping[str, object] = MappingProxyType({})


def run_pipeline(workspace: Path, part: Part, chosen: Mapping[str, object] = _NOTHING) -> list[StageReport]:
    """Run a Prefect flow on a workspace, with the API that Prefect's settings name or a private one.

    Args:
        workspace: The workspace's folder.
        part: Name of the flow.
        chosen: Its other parameters.

    Returns:
        What each stage did, in order.

    Raises:
        M5DataError: What the stage that failed raised; the flow's run is marked failed with its words.
        DataError: The server went away.
    """
    quiet()
    # Prefect reads its environment when it is imported
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415

    from flows import pipeline  # noqa: PLC0415
    from flows.prefect_server import api_url  # noqa: PLC0415

    with api_url(workspace / "prefect") as url, temporary_settings({PREFECT_API_URL: url}):
        try:
            state = getattr(pipeline, part)(str(workspace), **chosen, return_state=True)
        except httpx.HTTPError as error:
            raise DataError(
                f"Prefect's server at {url}: wanted an answer, got {error!r}; start it and run "
                "again: what was done is kept"
            ) from error
        if isinstance(state.data, M5DataError):
            # Prefect keeps the error it was given: a copy keeps no frame of this program alive
            raise type(state.data)(*state.data.args)
        reports: list[StageReport] = state.result()
    return reports


def quiet() -> None:
    """Have Prefect, which is not imported yet, say nothing and send nothing."""
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
