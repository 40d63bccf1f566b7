"""The option ``--untrusted`` of the verbs that only read: a stranger's workspace is opened by a process with limits."""

import os
import resource
import signal
import threading
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from core.errors import UsageError
from m5data.cli.limits import limit_memory

__all__ = ["UntrustedOption", "check_place", "is_untrusted"]

_GB = 3
_SECONDS = 3600.0
_KEY = "m5data.untrusted"


def _continue_in_child(context: typer.Context, given: bool) -> bool:
    """Go on in a child process with limits; this one waits for it, kills it when it takes too long, and ends as it did.

    Called before anything of the workspace is read. No thread runs yet, so that a fork is safe.
    """
    if not given or context.resilient_parsing:
        return given
    alive, closed = os.pipe()
    child = os.fork()
    if child:
        os.close(alive)
        _end_as(child)
    os.close(closed)
    from core.processes.children import exit_when_closed
    from storage.untrusted import only_read

    exit_when_closed(alive)  # the parent was killed
    limit_memory(_GB)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    only_read()
    context.meta[_KEY] = True
    return given


UntrustedOption = Annotated[
    bool,
    typer.Option(
        "--untrusted",
        is_eager=True,
        callback=_continue_in_child,
        help="A stranger's workspace: refuse links and oddities, only read, with limits of memory and time.",
    ),
]


def is_untrusted(context: typer.Context) -> bool:
    """Return whether the option was given."""
    return _KEY in context.meta


def check_place(place: Path) -> None:
    """Refuse a workspace with something that leads elsewhere.

    Raises:
        UsageError: It is in an object store: its files would be fetched and kept here.
        UnsafePathError: It has a link, or another oddity.
    """
    from storage.untrusted import check_untrusted
    from storage.working_copy import store_url_of

    if (url := store_url_of(place)) is not None:
        from core.urls import without_secrets

        raise UsageError(f"--untrusted: {without_secrets(url)}: only for folders. Download the bucket into one first.")
    check_untrusted(place)


def _end_as(child: int) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child gets it, too
    timer = threading.Timer(_SECONDS, os.kill, (child, signal.SIGKILL))
    timer.daemon = True
    timer.start()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        name = signal.Signals(-code).name
        typer.echo(f"m5data: --untrusted: the process that read the workspace was ended by {name}", err=True)
    os._exit(1 if code < 0 else code)
