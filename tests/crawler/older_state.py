"""Workspaces of format 2, whose state has all frontiers, and possibly the download queue."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from crawler.crawl.frontier import FRONTIER_DDL, ROOM
from storage import Store
from storage.identity import read_identity, write_identity

__all__ = ["put_into_state"]

_TABLES = ("source_pages", "source_files", "source_runs", "source_spaces", "source_templates")


def put_into_state(folder: Path) -> None:
    """Convert a workspace to format 2."""
    store = Store.open(folder)
    files = [folder / f"frontiers/{source}.sqlite" for source in store.frontiers.names()]
    store.state.migrate(ROOM, FRONTIER_DDL)
    with closing(store.state.connect()) as state:
        for file in files:
            state.execute("ATTACH ? AS own", (str(file),))
            for table in _TABLES:
                state.execute(f"INSERT OR REPLACE INTO main.{table} SELECT * FROM own.{table}")
            state.execute("DETACH own")
        state.execute("DROP TABLE IF EXISTS frontiers")
        state.execute("DELETE FROM migrations WHERE room = 'storage.frontiers'")
    shutil.rmtree(folder / "frontiers", ignore_errors=True)
    write_identity(folder, replace(read_identity(folder), format=2))
