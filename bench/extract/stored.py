"""A workspace's store that holds clips as the stage ``download`` would leave them."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from m5data.stage import StageReport
from storage import Store
from storage.tables import TABLES

__all__ = ["fill", "store_clips"]


def store_clips(folder: Path, clips: Iterable[bytes]) -> Store:
    """Return a new store with one product a clip."""
    store = Store.create(folder)
    fill(store, clips)
    return store


def fill(store: Store, clips: Iterable[bytes]) -> None:
    """Put the clips into a new store."""
    rows: list[dict[str, object]] = []
    with store.stage("download", settings="bench") as stage:
        with store.objects.writer("media") as writer:
            for number, clip in enumerate(clips):
                url = f"http://127.0.0.1/{number}.mp4"
                sha256 = writer.put(clip, mime="video/mp4", url=url)
                known = {"product_id": f"bench:{number}", "kind": "video", "position": 0, "url": url, "state": "ok"}
                rows.append({**known, "attempts": 1, "sha256": sha256, "bytes": len(clip)})
        stage.write("media", pa.Table.from_pylist(rows, schema=TABLES["media"].schema))
        stage.commit(StageReport("download", len(rows), len(rows)))
