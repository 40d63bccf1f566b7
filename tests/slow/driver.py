"""A process to kill that runs a stage as tasks: ``python -m tests.slow.driver WORK URL LOG ENGINE [WORD …]``.

WORK is ``module:function``, called with the store at URL, a runner and the words. With the engine ``here``, tasks run
in this process one after the other, with ``ray`` on the cluster at ``RAY_ADDRESS``. LOG gets a line for each order that
is handed out, each task that begins, each result that is taken, and the commit; ``here-to-commit`` and
``ray-to-commit`` wait before the commit to be killed.
"""

import signal
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from core.stage import StageReport
from flows.engines import on_ray
from storage import Stage
from storage.tasks import TaskFunction, in_process
from storage.working_copy import working_copy
from tests.storage.machines import open_at


def main() -> None:
    (work, url, path, engine), words = sys.argv[1:5], sys.argv[5:]
    module, _, name = work.partition(":")
    run, commit = on_ray if engine.startswith("ray") else in_process, Stage.commit

    def note(kind: str, name: str) -> None:
        with Path(path).open("a") as log:
            log.write(f"{kind} {name}\n")

    def noted_commit(stage: Stage, report: StageReport) -> StageReport:
        note("commit", stage.name)
        if engine.endswith("-to-commit"):
            signal.pause()
        return commit(stage, report)

    def noted(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
        def begin(location: str, name: str) -> object:
            note("begun", name)
            return function(location, name)

        def handed_out() -> Iterator[str | None]:
            for name in names:
                note("order", str(name))
                yield name

        for name, result in run(begin, location, handed_out()):
            note("taken", name)
            yield name, result

    setattr(Stage, "commit", noted_commit)  # noqa: B010 - mypy refuses the assignment
    getattr(import_module(module), name)(open_at(working_copy(url)), noted, *words)


if __name__ == "__main__":
    main()
