"""m5data's own side: a workspace that wants so many images, and ``m5data download`` on it."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from bench.store.timing import Run, run_command
from m5data.stage import StageReport
from m5data.workspace import Workspace
from storage.tables import TABLES

__all__ = ["download", "want"]

SETTINGS = """
[sources.bench]
start = [{starts}]
crawl_authorised = true
local = true

[download]
per_host = 64
min_success = 1.0
"""
"""The source is this machine's, so that its rate has no limit; as many connections as the peer has threads."""


def want(folder: Path, urls: Sequence[str]) -> None:
    """Make a workspace whose products name one image each, as the stage before would have written them."""
    homes = sorted({"/".join(url.split("/", 3)[:3]) for url in urls})
    workspace = Workspace.create(folder, SETTINGS.format(starts=", ".join(f'"{home}/"' for home in homes)))
    count = len(urls)
    known = {
        "product_id": [f"bench:{number:07}" for number in range(count)],
        "kind": ["image"] * count,
        "position": [0] * count,
        "url": list(urls),
        "state": ["pending"] * count,
        "attempts": [0] * count,
    }
    schema = TABLES["media"].schema
    missing = {name: [None] * count for name in schema.names if name not in known}
    with workspace.store.stage("records", settings="synthetic") as stage:
        stage.write("media", pa.table(known | missing, schema=schema))
        stage.commit(StageReport("records", count, count))


def download(folder: Path) -> Run:
    """Run ``m5data download`` in a process of its own; it ends with an error unless all images came."""
    return run_command(["download", "-w", str(folder), "--json"])
