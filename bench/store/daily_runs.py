"""Growth of a workspace in daily runs with one change in a hundred, each followed by a vacuum.

    python -m bench.store.daily_runs [--runs 60] [--products 3000] [--pages 600] [--keep-versions 10]

Each run ingests a shop's feed and stores the pages of another; one per cent of both differ from the day before.
Changed bytes are those of the new pages as stored, and of the changed rows of the feed in a separate Parquet file.
Growth is measured in disk blocks of all files, from the first run to the last, and from the twelfth, after which as
many versions are removed as added. Target: at most 1.2 times the changed bytes. *Synthetic*.
"""

import argparse
import io
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from bench.m5_journey.catalogue import make_chunk, prepare
from core.stage import StageReport
from crawler import ingest_stage
from storage.tables import TABLES
from workspace import Workspace
from workspace.vacuuming import vacuum

SETTINGS = """
[sources.feed]
crawl_authorised = true
[store]
keep_days = 0
keep_versions = {keep_versions}
"""
_PAGE_BYTES = 30_000


def change_rows(feed: pa.Table, random: Random, day: int) -> tuple[pa.Table, int]:
    """Return the feed with one title in a hundred changed, and the size of these rows as a file."""
    rows = random.sample(range(len(feed)), len(feed) // 100)
    titles = feed["title"].to_pylist()
    for row in rows:
        titles[row] = f"{titles[row]} {day}"
    changed = feed.set_column(feed.schema.get_field_index("title"), "title", pa.array(titles))
    file = io.BytesIO()
    pq.write_table(changed.take(sorted(rows)), file, compression="zstd")
    return changed, len(file.getvalue())


def store_pages(workspace: Workspace, bodies: Sequence[bytes]) -> int:
    """Store the pages of a shop and their products; return the stored bytes of the new pages."""
    store = workspace.store
    last = store.objects.index.last()
    with store.objects.writer("page") as writer:
        stored = [writer.put(body, mime="text/html", url=f"http://b.example/{n}") for n, body in enumerate(bodies)]
    now = datetime.now(UTC)
    schema = TABLES["products"].schema
    known = {"source": "pages", "first_seen": now, "last_seen": now}
    rows = [
        {**dict.fromkeys(schema.names), **known, "product_id": f"pages:{n:05}", "native_id": f"{n:05}",
         "url": f"http://b.example/{n}", "caption": f"page {n}", "category": [], "masked": 0, "page_sha256": sha256}
        for n, sha256 in enumerate(stored)
    ]  # fmt: skip
    with store.stage("records", settings=now.isoformat()) as stage:
        stage.write("products", pa.Table.from_pylist(rows, schema=schema), within=("pages:",))
        stage.commit(StageReport("records", len(rows), len(rows)))
    index = store.objects.index
    return sum(ref.length for refs in index.after(last, index.last()) for ref in refs)


def disk_bytes(folder: Path) -> int:
    """Return the size in bytes of the disk blocks of all files in a folder."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def run_days(folder: Path, given: argparse.Namespace) -> None:
    """Create the workspace, run every day and print the growth."""
    random = Random(7)
    workspace = Workspace.create(folder / "workspace", SETTINGS.format(keep_versions=given.keep_versions))
    feed = make_chunk(prepare(0), 0, given.products, given.products, 0).table
    bodies = [random.randbytes(_PAGE_BYTES) for _ in range(given.pages)]
    changed = 0
    seen: list[tuple[int, int]] = []
    with closing(workspace.store.objects):
        for day in range(given.runs + 1):
            rows = 0
            if day:
                feed, rows = change_rows(feed, random, day)
                for page in random.sample(range(given.pages), given.pages // 100):
                    bodies[page] = random.randbytes(_PAGE_BYTES)
            pq.write_table(feed, folder / "feed.parquet")
            crawl = workspace.settings.crawl
            ingest_stage.run(workspace.store, crawl, folder / "feed.parquet", source="feed")
            pages = store_pages(workspace, bodies)
            vacuum(workspace)
            changed += rows + pages if day else 0
            size = disk_bytes(folder / "workspace")
            seen.append((size, changed))
            print(f"run {day}: {size / 1e6:.2f} MB, {changed / 1e6:.2f} MB changed", flush=True)
    for start in (0, min(12, given.runs - 1)):
        grown, since = seen[-1][0] - seen[start][0], seen[-1][1] - seen[start][1]
        print(f"since run {start}: grown by {grown / 1e6:.2f} MB, {grown / since:.2f} x what changed (target 1.2)")


def main() -> None:
    """Run all days."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--products", type=int, default=3_000)
    parser.add_argument("--pages", type=int, default=600)
    parser.add_argument("--keep-versions", type=int, default=10)
    with TemporaryDirectory() as folder:
        run_days(Path(folder), parser.parse_args())


if __name__ == "__main__":
    main()
