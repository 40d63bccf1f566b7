"""A vacuum in a separate process, killed after a share of its removals: ``… vacuum_process FOLDER SHARE``."""

import os
import signal
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

from tests.takedown.planted import NOW
from workspace import Workspace
from workspace.vacuuming import vacuum


def main() -> None:
    folder, share = Path(sys.argv[1]), float(sys.argv[2])
    workspace = Workspace.open(folder)
    found = vacuum(workspace, dry_run=True, clock=lambda: NOW + timedelta(days=400))
    last = int(share * sum(count for _, count, _ in found.lines))
    numbers = count()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if str(folder) in str(arguments[:1]) and _is_removal(event, arguments) and next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    vacuum(workspace, clock=lambda: NOW + timedelta(days=400))


def _is_removal(event: str, arguments: tuple[object, ...]) -> bool:
    """Tell whether an event removes a file or opens a segment to overwrite it."""
    return event == "os.remove" or (event == "open" and ".warc" in str(arguments[0]) and "+" in str(arguments[1]))


if __name__ == "__main__":
    main()
