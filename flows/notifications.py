"""Notifications of a failed run: a command and a webhook, as the settings say."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from m5data.settings import RunSettings
from m5data.workspace import Workspace
from storage.children import ProgramError, run_program

__all__ = ["notifying"]

_LOG = logging.getLogger(__name__)


@contextmanager
def notifying(workspace: Workspace, what: str) -> Iterator[None]:
    """Send a notification of an error that ends the block, and re-raise it.

    Args:
        workspace: Its settings name the command and the webhook.
        what: Flow or stages that run.
    """
    try:
        yield
    except Exception as error:
        _send(workspace.settings.run, _message(workspace, what, error))
        raise


def _message(workspace: Workspace, what: str, error: Exception) -> str:
    message = {
        "workspace": str(workspace.root.absolute()),
        "run": what,
        "error": type(error).__name__,
        "message": str(error),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return json.dumps(message, ensure_ascii=False)


def _send(settings: RunSettings, message: str) -> None:
    """Start the command and post to the webhook; log the failure of either, which must not hide the run's error."""
    timeout = settings.notify_seconds
    if settings.notify_command:
        try:
            run_program(settings.notify_command, data=message.encode(), seconds=timeout)
        except ProgramError as error:
            _LOG.warning("run.notify_command: failed: %s", error)
    if settings.notify_webhook:
        headers = {"Content-Type": "application/json"}
        try:
            httpx.post(settings.notify_webhook, content=message, headers=headers, timeout=timeout).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _LOG.warning("run.notify_webhook: failed: %s", error)
