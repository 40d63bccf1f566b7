"""A run of stages in its own process: ``python -m tests.pipeline.whole_run WORKSPACE [PART]``.

Prints the name of each stage that begins, so that a test can kill it in that stage.
"""

import sys
from typing import get_args

import m5data
from core.run_options import RunContext
from flows.run_stage import run_stage
from workspace.stages import PARTS, Part


def main() -> None:
    workspace = m5data.open(sys.argv[1])
    part: Part = next((name for name in get_args(Part) if name in sys.argv[2:]), "everything")
    with workspace.store.lock():
        for name in PARTS[part]:
            print(name, flush=True)
            run_stage(workspace, name, RunContext())
    print("end", flush=True)


if __name__ == "__main__":
    main()
