"""Who is told when a run fails: a command, a webhook, as the settings say."""

import json
import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from m5data.settings import RunSettings
from m5data.workspace import Workspace

__all__ = ["telling"]

_LOG = logging.getLogger(__name__)


@contextmanager
def telling(workspace: Workspace, what: str) -> Iterator[None]:
    """Tell of an error that ends what is inside, and let it go on.

    Args:
        workspace: Its settings say whom to tell.
        what: Flow or stages that are run.
    """
    try:
        yield
    except Exception as error:
        _tell(workspace.settings.run, _message(workspace, what, error))
        raise


def _message(workspace: Workspace, what: str, error: Exception) -> str:
    told = {
        "workspace": str(workspace.root.absolute()),
        "run": what,
        "error": type(error).__name__,
        "message": str(error),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return json.dumps(told, ensure_ascii=False)


def _tell(settings: RunSettings, message: str) -> None:
    """Start the command and ask the webhook; one that fails is logged: the run's own error is what counts."""
    if settings.notify_command:
        try:
            subprocess.run(settings.notify_command, input=message.encode(), timeout=settings.notify_seconds, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            _LOG.warning("run.notify_command: wanted it to end with 0: %s", error)
    if settings.notify_webhook:
        try:
            headers = {"Content-Type": "application/json"}
            httpx.post(
                settings.notify_webhook, content=message, headers=headers, timeout=settings.notify_seconds
            ).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _LOG.warning("run.notify_webhook: wanted an answer of success: %s", error)
