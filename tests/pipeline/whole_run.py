"""A run of every stage in a process of its own: ``python -m tests.pipeline.whole_run WORKSPACE``.

Says on standard output which stage begins, so that a test can kill it in that stage.
"""

import sys
from pathlib import Path

from flows.context import RunContext
from flows.stages import PARTS, run_stage
from m5data.workspace import Workspace


def main() -> None:
    workspace = Workspace.open(Path(sys.argv[1]))
    with workspace.store.lock():
        for name in PARTS["everything"]:
            print(name, flush=True)
            run_stage(workspace, name, RunContext())
    print("end", flush=True)


if __name__ == "__main__":
    main()
