"""The queue's file: made from the tables or an older state, and stored only while it has data that no version has."""

from collections.abc import Callable
from typing import Any

import pytest

from crawler.media.queue import reading_queue
from crawler.pending_work import forget_media
from storage import Store
from storage.files import remove_database
from tests.crawler.media.conftest import name_media
from tests.crawler.media.test_download_stage import FAST, download
from tests.storage.failing_store import FailingStore
from tests.storage.machines import OnMachine, far, make, on_machine, open_at

__all__ = ["far", "on_machine"]

Make = Callable[..., bytes]
Server = Any
Want = Callable[..., None]


def queue_of(store: Store) -> list[tuple[object, ...]]:
    with reading_queue(store) as queue:
        return [] if queue is None else queue.execute("SELECT * FROM media_urls ORDER BY url").fetchall()


def lose_queue(store: Store) -> None:
    remove_database(store.root / "downloads.sqlite")


@pytest.fixture
def filled(store: Store, server: Server, want: Want, image: Make) -> Store:
    """A store with outcomes of every kind; products share URLs, one of which is both an image and a video."""
    server.content = {f"/{name}": image("PNG", (10 + n, 10)) for n, name in enumerate("abc")}
    server.content |= {"/large": image("BMP", (200, 200)), "/none": image("GIF")}
    server.robots_tags = {"/c": ["noai"]}
    names = ("a", "b", "c", "gone", "large", "a")
    rows = [("s:1", "image", n, server.url(f"/{name}")) for n, name in enumerate(names)]
    rows += [("s:2", "image", 0, server.url("/a")), ("s:2", "video", 0, server.url("/b"))]
    rows += [("s:3", "image", 0, "http://10.0.0.1/x.jpg")]
    want(*rows, ("s:4", "image", 0, server.url("/none")), placeholders={server.url("/none")})
    download(store, server, SETTINGS)
    return store


SETTINGS = FAST.model_copy(update={"max_image_bytes": 100_000, "min_success": 0.0})


def test_a_lost_queue_is_filled_from_the_tables(filled: Store, server: Server) -> None:
    known, media = queue_of(filled), filled.snapshot().table("media")
    asked = server.requests.total()
    reasons = ["wrong_type" if row[1] == "video" else row[4] for row in known]
    assert reasons == ["private_address", None, None, "opted_out", "http_404", "too_large"]
    lose_queue(filled)
    assert download(filled, server, SETTINGS, retry_failed=True).kept == 2
    assert server.requests.total() == asked + 1  # only http_404 is retried
    assert [row[:6] for row in queue_of(filled)] == [row[:6] for row in known]
    assert queue_of(filled)[1] == known[1]
    assert filled.snapshot().table("media").drop_columns("attempts").equals(media.drop_columns("attempts"))


@pytest.mark.parametrize(("settings", "again"), [({"concurrency": 3}, 2), ({"max_image_bytes": 1_000_000}, 2)])
def test_what_a_limit_refused_is_judged_again_after_other_settings(
    filled: Store, server: Server, settings: dict[str, int], again: int
) -> None:
    lose_queue(filled)
    asked = server.requests.total()
    download(filled, server, SETTINGS.model_copy(update=settings), retry_failed=True)
    assert server.requests.total() == asked + again  # http_404, too_large


def names(far: type[FailingStore]) -> set[str]:
    return {name.removeprefix("bucket/shop/") for name in far.objects()}


def test_a_store_has_the_queue_only_while_it_has_what_no_version_has(
    far: type[FailingStore], on_machine: OnMachine, server: Server, image: Make
) -> None:
    server.content = {"/a": image("PNG")}
    first = make(on_machine("a"))
    name_media(first, ("s:1", "image", 0, server.url("/a")))
    download(first, server)
    assert "downloads.sqlite" not in names(far)
    state = far.objects()["bucket/shop/state.sqlite"]
    with first.lock():
        forget_media(first, [server.url("/a")], dry_run=False)
    assert "downloads.sqlite" in names(far)
    second = open_at(on_machine("b"))
    assert queue_of(second) == queue_of(first)
    server.content = {"/a": image("PNG", (50, 50))}
    download(second, server, refresh=True)
    assert second.snapshot().table("media", ["width"]).to_pylist() == [{"width": 50}]
    assert "downloads.sqlite" not in names(far)
    first.objects.close()
    back = open_at(on_machine("a"))
    assert not (back.root / "downloads.sqlite").exists()
    download(back, server, FAST.model_copy(update={"concurrency": 3}))
    assert [row[:-2] for row in queue_of(back)] == [row[:-2] for row in queue_of(second)]  # without limits and page
    assert server.requests == {"/a": 2}
    assert far.objects()["bucket/shop/state.sqlite"] == state
