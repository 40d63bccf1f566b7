"""A download that is killed again and again ends like an undisturbed one."""

import hashlib
import multiprocessing
from pathlib import Path
from random import Random

from core.processes.children import die_with_parent
from crawler.download_stage import run
from storage import Store
from tests.crawler.media.conftest import MakeImage, MediaServer, Want
from tests.crawler.media.test_download_stage import FAST, download


def _download_in_child(root: Path, authority: str) -> None:
    die_with_parent()
    run(Store.open(root), FAST, local_hosts={authority})


def test_a_kill_at_any_moment_loses_nothing(store: Store, server: MediaServer, want: Want, image: MakeImage) -> None:
    server.content = {f"/{n:03}": image("PNG", (10, 10 + n)) for n in range(150)}
    server.content["/dead"] = 404
    rows = [("s:1", "image", n, server.url(f"/{n:03}")) for n in range(150)] + [
        ("s:2", "image", 0, server.url("/dead"))
    ]
    want(*rows)
    context, random = multiprocessing.get_context("spawn"), Random(7)
    for _ in range(3):
        child = context.Process(target=_download_in_child, args=(store.root, server.authority))
        child.start()
        until = server.requests.total() + random.randrange(1, 60)
        while child.is_alive() and server.requests.total() < until:
            child.join(0.005)
        child.kill()
        child.join()
    report = download(store, server)
    assert (report.read, report.kept, dict(report.dropped)) == (151, 150, {"http_404": 1})
    media = store.snapshot().table("media")
    assert sorted(set(media["sha256"].to_pylist()) - {None}) == sorted(
        hashlib.sha256(body).hexdigest() for body in server.content.values() if isinstance(body, bytes)
    )
    for sha256 in media["sha256"].to_pylist()[:150]:
        assert sha256 in store.objects
