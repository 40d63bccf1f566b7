"""The result of a run does not depend on the number of its processes and cores."""

import os
from pathlib import Path

from tests.pipeline.conftest import MakeWorkspace
from tests.pipeline.killing import run_to_the_end
from tests.pipeline.workspace_content import check_equal, shard_bytes, table_rows


def set_workers(folder: Path, count: int) -> Path:
    with (folder / "m5data.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"\n[extract]\nworkers = {count}\n")
    return folder


def test_one_worker_makes_the_shards_that_two_make(
    make_workspace: MakeWorkspace,
) -> None:
    one, two = (set_workers(make_workspace(f"workers-{count}"), count) for count in (1, 2))
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # the run inherits it: DuckDB and Arrow start as many threads as cores
    try:
        run_to_the_end(one)
    finally:
        os.sched_setaffinity(0, cores)
    run_to_the_end(two)
    assert table_rows(one)["splits"], "there are splits to compare"
    assert shard_bytes(one), "there are shards to compare"
    check_equal(one, two)
