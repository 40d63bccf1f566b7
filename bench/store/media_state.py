"""Resources of the process that runs a download of many files: memory, state, index of objects, and commit writes.

    python -m bench.store.media_state FOLDER MEDIA

The files are synthetic: tasks in this process answer every URL with some bytes, without a server. Then one per cent
more URLs are added, and downloaded by a second commit.
"""

import resource
import sys
import time
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa

from core.stage import StageReport
from crawler.download_stage import run
from crawler.media.downloader import Ended
from crawler.settings import DownloadSettings
from storage import Store
from storage.files import Layout
from storage.tasks import TaskFunction, in_process, running

_HOSTS = 40


def main() -> None:
    """Download twice, and print the figures of both."""
    folder, media = Path(sys.argv[1]), int(sys.argv[2])
    store = Store.create(folder)
    for count in (media, media + media // 100):
        wants = get_context("spawn").Process(target=_want, args=(folder, count))  # its memory does not count
        wants.start()
        wants.join()
        before, began = _files(folder), time.process_time()
        run(store, DownloadSettings(), runner=_answering)
        seconds = time.process_time() - began
        files = (Layout(folder).state, Layout(folder).downloads, Layout(folder).index)
        state, queue, index = (path.stat().st_size / count for path in files)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        written = sum(size for path, size in _files(folder).items() if path not in before)
        print(f"{count:,} media: {seconds:.0f} CPU s, at most {most:,} MB")
        print(f"state {state:.0f} B a medium; each machine's own: queue {queue:.0f} B, index {index:.0f} B")
        print(f"of the table objects {written / 1e6:.1f} MB were written")


def _want(folder: Path, count: int) -> None:
    store = Store.open(folder)
    with store.stage("records", settings="") as stage, stage.before.connection(("media",)) as engine:
        stage.write("media", engine.sql(_MEDIA.format(count=count, hosts=_HOSTS)))
        stage.commit(StageReport("records", count, count))


_MEDIA = """
    SELECT format('shop:{{:08}}', i // 5) AS product_id, 'image' AS kind, (i % 5)::INTEGER AS position,
        format('https://images-{{}}.shop.example/i/{{:08}}/{{}}-1080x1080.jpg', i % {hosts}, i // 5, i % 5) AS url,
        'pending' AS state, NULL::VARCHAR AS reason, 0::INTEGER AS attempts, NULL::INTEGER AS http_status,
        NULL::VARCHAR AS sha256, NULL::BIGINT AS bytes, NULL::VARCHAR AS mime, NULL::INTEGER AS width,
        NULL::INTEGER AS height, NULL::DOUBLE AS duration_s, NULL::VARCHAR AS etag, NULL::VARCHAR AS last_modified
    FROM range({count}) AS r(i)
"""


def _answering(_: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Ended]]:
    yield from in_process(_answer, location, names)


def _answer(location: str, name: str) -> Ended:
    """Give every URL of a chunk an outcome, as after a server's response."""
    with running(location, name, "media") as task:
        rows = task.inputs.to_pylist()
        for row in rows:
            sha256 = task.objects.put(row["url"].encode(), mime="image/jpeg", url=row["url"])
            row |= {
                "state": "ok",
                "attempts": 1,
                "http_status": 200,
                "sha256": sha256,
                "bytes": 100_000,
                "mime": "image/jpeg",
                "width": 1080,
                "height": 1080,
                "etag": f'"{sha256[:32]}"',
                "last_modified": "Mon, 23 Nov 2026 12:00:00 GMT",
                "limits": sha256[:16],
            }
        task.result = {"urls": pa.Table.from_pylist(rows, schema=task.inputs.schema)}
    return Ended(frozenset(), {})


def _files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in (folder / "tables" / "objects").rglob("*.parquet")}


if __name__ == "__main__":
    main()
