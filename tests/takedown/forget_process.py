"""A take-down in a separate process, to be killed: ``python -m tests.takedown.forget_process FOLDER KILL``.

Prints the number of file events of a complete run; SIGKILLs itself at event KILL (-1: never).
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from takedown.forget import forget
from takedown.plan import Target
from tests.takedown.planted import MERCHANT, now
from workspace import Workspace

_EVENTS = frozenset({"open", "os.rename", "os.remove", "os.truncate", "sqlite3.connect"})


def main() -> None:
    folder, kill = Path(sys.argv[1]), int(sys.argv[2])
    workspace = Workspace.open(folder)
    numbers = count()
    last = [0]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _EVENTS and str(folder) in str(arguments[0]):
            last[0] = next(numbers)
            if last[0] == kill:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    forget(workspace.store, Target("merchant", MERCHANT), clock=now)
    sys.stdout.write(str(last[0] + 1))


if __name__ == "__main__":
    main()
