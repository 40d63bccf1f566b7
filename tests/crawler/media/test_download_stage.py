"""The download stage, against a real server on loopback."""

import hashlib
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import MissingInputError, ThresholdError
from core.stage import StageReport
from crawler.download_stage import run
from crawler.pending_work import forget_media
from crawler.settings import DownloadSettings
from storage import Store
from storage.state import transaction

Make = Callable[..., bytes]
Server = Any
Want = Callable[..., None]

FAST = DownloadSettings(attempts=2, backoff_s=0.01, max_wait_s=0.05, read_timeout_s=60, connect_timeout_s=60)


def download(store: Store, server: Server, settings: DownloadSettings = FAST, **options: Any) -> StageReport:  # noqa: ANN401
    return run(store, settings, local_hosts={server.authority}, user_agent="m5data-test", **options)


def states(store: Store) -> list[tuple[str, str | None]]:
    table = store.snapshot().table("media", ["state", "reason"])
    return list(zip(*(table.column(name).to_pylist() for name in table.column_names), strict=True))


def test_each_url_is_asked_for_once_and_its_outcome_is_on_every_row(
    store: Store, server: Server, want: Want, image: Make, clip: Make
) -> None:
    photo, film = image("PNG"), clip("mp4", "mpeg4")
    server.content = {"/a.png": photo, "/v.mp4": film, "/page": b"<html>" * 300}
    a, v, gone, page = (server.url(path) for path in ("/a.png", "/v.mp4", "/gone", "/page"))
    want(
        ("s:1", "image", 0, a),
        ("s:1", "video", 0, v),
        ("s:2", "image", 0, a),
        ("s:2", "image", 1, gone),
        ("s:3", "image", 0, page),
    )

    report = download(store, server)

    assert (report.read, report.kept, dict(report.dropped)) == (4, 2, {"http_404": 1, "wrong_type": 1})
    assert server.requests == {"/a.png": 1, "/v.mp4": 1, "/gone": 1, "/page": 1}
    assert server.agents == {"m5data-test"}
    blank = dict.fromkeys(("sha256", "bytes", "mime", "width", "height", "duration_s", "etag", "last_modified"))

    def ok(data: bytes, mime: str, size: tuple[int, int], duration: float | None) -> dict[str, object]:
        sha256 = hashlib.sha256(data).hexdigest()
        etag = f'"{sha256[:8]}"'
        told = {"sha256": sha256, "bytes": len(data), "mime": mime, "width": size[0], "height": size[1]}
        return told | {"duration_s": duration, "etag": etag, "last_modified": None, "state": "ok", "reason": None}

    def row(product: str, kind: str, position: int, url: str, status: int, **told: object) -> dict[str, object]:
        named = {"product_id": product, "kind": kind, "position": position, "url": url}
        return named | {"attempts": 1, "http_status": status} | blank | told

    png, mp4 = ok(photo, "image/png", (40, 30), None), ok(film, "video/mp4", (64, 48), 2.0)
    assert store.snapshot().table("media").to_pylist() == [
        row("s:1", "image", 0, a, 200, **png),
        row("s:1", "video", 0, v, 200, **mp4),
        row("s:2", "image", 0, a, 200, **png),
        row("s:2", "image", 1, gone, 404, state="failed", reason="http_404"),
        row("s:3", "image", 0, page, 200, state="dropped", reason="wrong_type"),
    ]
    assert store.objects.read(hashlib.sha256(film).hexdigest()) == film
    assert store.snapshot().table("rejects").to_pylist() == [
        {"stage": "download", "item": gone, "reason": "http_404", "detail": "status 404"},
        {
            "stage": "download",
            "item": page,
            "reason": "wrong_type",
            "detail": "not an accepted image: an HTML page",
        },
    ]


def test_nothing_new_means_no_request_and_no_version(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {"/a": image("PNG")}
    want(("s:1", "image", 0, server.url("/a")), ("s:1", "image", 1, server.url("/gone")))
    first = download(store, server)
    version = store.snapshot().number
    again = download(store, server)
    assert again.unchanged
    assert (again.read, again.kept, again.dropped) == (first.read, first.kept, first.dropped)
    assert store.snapshot().number == version
    assert server.requests.total() == 2


def test_a_new_product_costs_only_its_new_urls(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {"/a": image("PNG"), "/b": image("GIF")}
    a, b = server.url("/a"), server.url("/b")
    want(("s:1", "image", 0, a))
    download(store, server)
    want(("s:1", "image", 0, a), ("s:2", "image", 0, a), ("s:2", "image", 1, b))
    report = download(store, server)
    assert (report.read, report.kept) == (2, 2)
    assert states(store) == [("ok", None)] * 3
    assert server.requests == {"/a": 1, "/b": 1}


def test_a_url_that_no_product_names_any_more_does_not_count(store: Store, server: Server, want: Want) -> None:
    want(("s:1", "image", 0, server.url("/x")), ("s:1", "image", 1, server.url("/y")))
    download(store, server)
    want(("s:1", "image", 0, server.url("/y")))
    report = download(store, server, retry_failed=True)
    assert (report.read, dict(report.dropped)) == (1, {"http_404": 1})
    assert server.requests == {"/x": 1, "/y": 2}


def test_a_placeholder_is_neither_fetched_nor_counted(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {"/a": image("PNG"), "/none": image("GIF")}
    a, none = server.url("/a"), server.url("/none")
    rows = (("s:1", "image", 0, a), ("s:2", "image", 0, none))
    want(*rows)
    download(store, server)
    want(*rows, placeholders={none})
    report = download(store, server)
    assert (report.read, report.kept, states(store)) == (1, 1, [("ok", None), ("dropped", "placeholder")])
    want(*rows, ("s:3", "image", 0, server.url("/never")), placeholders={none, server.url("/never")})
    assert download(store, server).read == 1
    assert server.requests == {"/a": 1, "/none": 1}


def test_retry_touches_failures_only(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {"/ok": image("PNG"), "/late": 500, "/page": b"<html>" * 300}
    want(*(("s:1", "image", n, server.url(path)) for n, path in enumerate(("/ok", "/late", "/page", "/gone"))))
    download(store, server)
    assert states(store) == [("ok", None), ("failed", "http_5xx"), ("dropped", "wrong_type"), ("failed", "http_404")]
    server.requests.clear()
    server.content["/late"] = image("GIF")
    report = download(store, server, retry_failed=True)
    assert server.requests == {"/late": 1, "/gone": 1}
    assert (report.read, report.kept, dict(report.dropped)) == (4, 2, {"http_404": 1, "wrong_type": 1})
    assert states(store) == [("ok", None), ("ok", None), ("dropped", "wrong_type"), ("failed", "http_404")]


def test_too_few_successes_fail_after_all_is_kept_and_do_so_again(
    store: Store, server: Server, want: Want, image: Make
) -> None:
    server.content = {"/a": image("PNG")}
    want(("s:1", "image", 0, server.url("/a")), ("s:1", "image", 1, server.url("/gone")))
    strict = FAST.model_copy(update={"min_success": 0.9})
    for _ in range(2):
        with pytest.raises(
            ThresholdError, match=r"50\.0% of 2 URLs are ok, fewer than download\.min_success = 90\.0% \(http_404 1\)"
        ):
            download(store, server, strict)
    assert states(store) == [("ok", None), ("failed", "http_404")]
    assert server.requests.total() == 2


def test_other_limits_judge_again_only_what_they_may_change(
    store: Store, server: Server, want: Want, image: Make
) -> None:
    server.content = {"/small": image("PNG", (10, 10)), "/large": image("PNG", (100, 100)), "/page": b"<html>" * 300}
    want(*(("s:1", "image", n, server.url(path)) for n, path in enumerate(("/small", "/large", "/page"))))
    tight = FAST.model_copy(update={"max_pixels": 1000})
    dropped = [("ok", None), ("dropped", "too_many_pixels"), ("dropped", "wrong_type")]
    download(store, server, tight)
    assert states(store) == dropped
    server.requests.clear()
    download(store, server)
    assert states(store) == [("ok", None), ("ok", None), ("dropped", "wrong_type")]
    assert server.requests == {"/large": 1}
    download(store, server, tight)
    assert states(store) == dropped
    assert server.requests == {"/large": 2}


def test_what_is_promised_both_ways_is_what_it_is(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {"/a": image("PNG")}
    want(("s:1", "image", 0, server.url("/a")), ("s:1", "video", 0, server.url("/a")))
    report = download(store, server)
    assert (report.read, report.kept) == (1, 1)
    assert states(store) == [("ok", None), ("dropped", "wrong_type")]
    assert server.requests == {"/a": 1}


def test_a_private_address_is_refused_until_its_source_is_local(
    store: Store, server: Server, want: Want, image: Make
) -> None:
    server.content = {"/a": image("PNG")}
    want(("s:1", "image", 0, server.url("/a")))
    run(store, FAST)
    assert states(store) == [("dropped", "private_address")]
    assert not server.requests
    download(store, server)
    assert states(store) == [("ok", None)]


def test_a_dead_host_is_given_up_and_holds_no_other_up(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {f"/{n}": image("PNG", (20, 20 + n)) for n in range(30)}
    with socket.create_server(("127.0.0.1", 0)) as unused:
        dead = f"127.0.0.1:{unused.getsockname()[1]}"
    rows = [("s:1", "image", n, f"http://{dead}/{n}") for n in range(200)]
    want(*rows, *(("s:2", "image", n, server.url(f"/{n}")) for n in range(30)))
    settings = FAST.model_copy(update={"host_failures": 5, "per_host": 2})
    report = run(store, settings, local_hosts={server.authority, dead})
    assert report.kept == 30
    assert set(report.dropped) == {"connect", "host_down"}
    assert 5 <= report.dropped["connect"] <= 5 + settings.per_host
    server.requests.clear()
    assert run(store, settings, local_hosts={server.authority, dead}).unchanged
    assert not server.requests


def test_a_server_that_asks_to_wait_long_is_left_alone_until_then(
    store: Store, server: Server, want: Want, image: Make
) -> None:
    now = datetime(2024, 5, 1, tzinfo=UTC)
    want(("s:1", "image", 0, server.url("/a")))
    server.content = {"/a": 503}
    server.retry_after = "3600"
    download(store, server, clock=lambda: now)
    assert server.requests == {"/a": 1}
    server.content = {"/a": image("PNG")}
    download(store, server, retry_failed=True, clock=lambda: now + timedelta(minutes=59))
    assert server.requests == {"/a": 1}
    assert states(store) == [("failed", "http_5xx")]
    download(store, server, retry_failed=True, clock=lambda: now + timedelta(minutes=61))
    assert states(store) == [("ok", None)]


def test_refresh_asks_on_condition_and_keeps_what_it_has(store: Store, server: Server, want: Want, image: Make) -> None:
    same, old, new = image("PNG", (10, 10)), image("PNG", (20, 20)), image("PNG", (30, 30))
    server.content = {"/same": same, "/changed": old, "/lost": old}
    want(*(("s:1", "image", n, server.url(path)) for n, path in enumerate(("/same", "/changed", "/lost"))))
    download(store, server)
    server.content = {"/same": same, "/changed": new}
    report = download(store, server, refresh=True)
    assert server.requests == {"/same": 2, "/changed": 2, "/lost": 2}
    assert report.kept == 3
    table = store.snapshot().table("media", ["sha256", "width", "http_status"]).to_pylist()
    digests = [hashlib.sha256(data).hexdigest() for data in (same, new, old)]
    assert [tuple(row.values()) for row in table] == list(zip(digests, (10, 30, 20), (304, 200, 404), strict=True))


@pytest.mark.parametrize("host_failures", [1, 50])
def test_files_that_are_fetched_again_stay_while_the_shop_is_away(
    store: Store, server: Server, want: Want, image: Make, host_failures: int
) -> None:
    settings = FAST.model_copy(update={"host_failures": host_failures, "per_host": 1})
    server.content = {f"/{n}": image("PNG", (10, 10 + n)) for n in range(3)}
    urls = [server.url(path) for path in server.content]
    want(*(("s:1", "image", n, url) for n, url in enumerate(urls)))
    download(store, server, settings)
    kept = store.snapshot().table("media", ["url", "state", "sha256", "width", "etag"])
    for _ in range(2):
        with store.lock():
            assert forget_media(store, urls, dry_run=True) == forget_media(store, urls, dry_run=False) == 3
        server.content = dict.fromkeys(server.content, 0)
        with pytest.raises(ThresholdError, match=r"no server answered for any of the 3 stored files .* they stay"):
            download(store, server, settings, refresh=True)
        assert store.snapshot().table("media", kept.column_names).equals(kept)
    server.content = dict.fromkeys(server.content, image("PNG", (50, 50)))
    with store.lock():
        forget_media(store, urls, dry_run=False)
    assert download(store, server, settings, refresh=True).kept == 3
    assert set(store.snapshot().table("media", ["width"])["width"].to_pylist()) == {50}


def test_a_workspace_without_media_says_so(store: Store) -> None:
    with pytest.raises(MissingInputError, match="no products"):
        run(store, FAST)


def test_small_memory_is_enough(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {f"/{n}": image("BMP", (60, 60 + n)) for n in range(8)}
    want(*(("s:1", "image", n, server.url(f"/{n}")) for n in range(8)))
    report = download(store, server, FAST.model_copy(update={"max_bytes_in_flight": 12_000}))
    assert (report.read, report.kept) == (8, 8)


def test_a_file_that_may_not_train_a_model_is_kept_out(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {f"/{n}": image("PNG", (40, 30 + n)) for n in range(3)}
    server.usage = {"/0": "train-ai=n", "/1": "train-ai=y, search=n"}
    want(*(("s:1", "image", n, server.url(f"/{n}")) for n in range(3)))
    assert dict(download(store, server).dropped) == {"opted_out": 1}
    (row,) = store.snapshot().table("rejects").to_pylist()
    assert (row["item"], row["detail"]) == (server.url("/0"), "header content-usage: train-ai=n")
    download(store, server, opt_outs=("noai",))
    assert server.requests == {"/0": 1, "/1": 1, "/2": 1}


def test_the_opt_outs_that_count_for_pages_count_for_media(
    store: Store, server: Server, want: Want, image: Make
) -> None:
    server.content = {f"/{n}": image("PNG", (40, 30 + n)) for n in range(4)}
    server.robots_tags = {"/0": ["nofollow", "noindex"], "/1": ["m5data-test: noai"], "/2": ["otherbot: noai"]}
    want(*(("s:1", "image", n, server.url(f"/{n}")) for n in range(4)))

    assert dict(download(store, server).dropped) == {"opted_out": 2}
    details = [(row["item"], row["detail"]) for row in store.snapshot().table("rejects").to_pylist()]
    assert details == [
        (server.url("/0"), "header x-robots-tag: noindex"),
        (server.url("/1"), "header x-robots-tag: noai"),
    ]

    report = download(store, server, opt_outs=("noai",))
    assert dict(report.dropped) == {"opted_out": 1}
    assert server.requests == {"/0": 2, "/1": 1, "/2": 1, "/3": 1}
    assert download(store, server, opt_outs=("noai",)).unchanged


def test_what_older_checks_refused_is_requested_again(store: Store, server: Server, want: Want) -> None:
    server.content = {"/page": b"<html>" * 300}
    want(("s:1", "image", 0, server.url("/page")))
    download(store, server)
    download(store, server)
    assert server.requests == {"/page": 1}
    with closing(store.downloads.connect()) as connection, transaction(connection):
        connection.execute("UPDATE media_urls SET limits = '1.' || substr(limits, 3)")
    download(store, server, FAST.model_copy(update={"concurrency": 3}))
    assert server.requests == {"/page": 2}
