"""Pages from web archives are those of a crawl; nothing is requested, and broken archives cost what is broken."""

import gzip
import random
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from core.errors import DataError, UsageError
from core.stage import StageReport
from crawler import crawl_stage, records_stage
from crawler.crawl.archives import ArchivedResponse, BrokenArchiveError, read_archive
from crawler.crawl.frontier import open_frontier
from crawler.settings import CrawlSettings
from storage import Store

from .conftest import NOW, Clock, Shop, listing_page, product_page, settings_for

TABLES = ("products", "specs", "media", "usage_rights")


def head(**fields: str) -> bytes:
    named = {"WARC-Type": "response", "WARC-Date": "2024-05-01T12:00:00Z", "Content-Type": "application/http", **fields}
    return b"WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items()).encode() + b"\r\n"


GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html></html>"
URI = {"WARC-Target-URI": "http://shop.example/"}


def record(block: bytes = GOOD, fields: Mapping[str, str] = MappingProxyType({})) -> bytes:
    return head(**{**URI, "Content-Length": str(len(block)), **fields}) + block + b"\r\n\r\n"


class Warc:
    """A WARC file in the making, written as wget does: each record a gzip member of its own."""

    def __init__(self, *, packed: bool = True) -> None:
        self._pack = gzip.compress if packed else bytes
        self._records = [record(b"software: Wget", {"WARC-Type": "warcinfo"})]

    def add(
        self,
        url: str,
        body: bytes,
        *,
        status: str = "200 OK",
        headers: Iterable[tuple[str, str]] = (),
        at: datetime = NOW,
    ) -> None:
        named = list(headers) or [("Content-Type", "text/html; charset=utf-8")]
        lines = "".join(f"{name}: {value}\r\n" for name, value in named)
        block = f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body
        date = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._records.append(record(block, {"WARC-Target-URI": url, "WARC-Date": date}))

    def save(self, path: Path) -> Path:
        path.write_bytes(b"".join(map(self._pack, self._records)))
        return path


def fetch(warc: Warc, url: str, at: datetime = NOW) -> None:
    """Add what the server answers, as wget does: redirects and errors, too."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    try:
        answer = urllib.request.build_opener(Stay).open(url, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        warc.add(url, answer.read(), status=f"{answer.status} X", headers=answer.headers.items(), at=at)


def imported(store: Store, settings: CrawlSettings, *archives: Path, clock: Clock) -> StageReport:
    report = crawl_stage.run(store, settings, clock=clock, archives=archives)
    records_stage.run(store, settings, clock=clock)
    return report


def tables(store: Store) -> dict[str, list[object]]:
    return {name: store.snapshot().table(name).to_pylist() for name in TABLES}


def pages(store: Store) -> dict[str, tuple[object, ...]]:
    query = "SELECT url, state, reason, http_status, page_sha256, headers, signals, fetched_at FROM source_pages"
    with open_frontier(store, "shop") as connection:
        return {url: row for url, *row in connection.execute(query)}


@pytest.fixture
def full_shop(shop: Shop) -> Shop:
    """A shop with a listing, products, a page that robots.txt forbids, a missing one, and signals about use."""
    names = [f"p{n}" for n in range(5)]
    shop.pages |= {f"/p/{name}": product_page(name) for name in names}
    shop.pages["/"] = listing_page(["/p/p0", "/p/p1", "/list", "/private/x", "/gone"])
    shop.pages["/list"] = listing_page(["/p/p2", "/p/p3"])
    shop.pages["/private/x"] = product_page("secret")
    shop.pages["/robots.txt"] = b"User-agent: *\nDisallow: /private/\nContent-Signal: ai-train=no\n"
    shop.pages["/sitemap.xml"] = (
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>{shop.url}/p/p4</loc></url></urlset>'
    ).encode()
    return shop


SITE = ("/robots.txt", "/.well-known/tdmrep.json", "/ai.txt", "/sitemap.xml")
PATHS = ("/", "/list", "/private/x", "/gone", *(f"/p/p{n}" for n in range(5)))


def test_records_equal_those_of_the_crawl(full_shop: Shop, store: Store, clock: Clock, tmp_path: Path) -> None:
    settings = settings_for(full_shop)
    crawl_stage.run(store, settings, clock=clock)
    records_stage.run(store, settings, clock=clock)
    warc = Warc()
    for path in (*SITE, *PATHS):
        fetch(warc, full_shop.url + path)
    archive = warc.save(tmp_path / "shop.warc.gz")
    other = Store.create(tmp_path / "other", buckets=2)
    (other.root / "secret.key").write_bytes((store.root / "secret.key").read_bytes())
    asked = len(full_shop.asked)
    clock.pass_hours(100)
    report = imported(other, settings, archive, clock=clock)
    assert len(full_shop.asked) == asked
    assert (report.read, report.kept, dict(report.dropped)) == (10, 8, {"http_404": 1, "robots": 1})
    assert report.notes[0] == "source shop: responses in the archives: of the source 13"
    assert tables(other) == tables(store)
    assert pages(other) == pages(store)
    assert imported(other, settings, archive, clock=clock).unchanged
    assert tables(other) == tables(store)


def test_a_later_archive_replaces_pages_and_an_earlier_one_does_not(
    full_shop: Shop, store: Store, clock: Clock, tmp_path: Path
) -> None:
    settings = settings_for(full_shop)
    archives = []
    for number, days in enumerate((2, 0, 1)):
        warc = Warc()
        fetch(warc, full_shop.url + "/robots.txt", NOW + timedelta(days=days))
        warc.add(f"{full_shop.url}/p/p0", product_page("p0", sku=f"day{days}").encode(), at=NOW + timedelta(days=days))
        archives.append(warc.save(tmp_path / f"{number}.warc.gz"))
    imported(store, settings, archives[2], archives[1], clock=clock)
    assert [row["native_id"] for row in tables(store)["products"]] == ["day1"]  # type: ignore[index]
    imported(store, settings, archives[0], clock=clock)
    [product] = tables(store)["products"]
    assert (product["native_id"], product["last_seen"]) == ("day2", NOW + timedelta(days=2))  # type: ignore[index]
    imported(store, settings, archives[1], clock=clock)
    assert tables(store)["products"] == [product]


def test_nothing_is_imported_without_robots_txt(full_shop: Shop, store: Store, clock: Clock, tmp_path: Path) -> None:
    warc = Warc()
    warc.add(f"{full_shop.url}/p/p0", product_page("p0").encode())
    archive = warc.save(tmp_path / "pages.warc.gz")
    with pytest.raises(DataError, match=r"robots\.txt.*none of the archives.*Add an archive of robots\.txt"):
        crawl_stage.run(store, settings_for(full_shop), clock=clock, archives=[archive])
    assert full_shop.asked == []


def test_bodies_in_every_coding_and_other_records(full_shop: Shop, store: Store, clock: Clock, tmp_path: Path) -> None:
    html = "text/html; charset=utf-8"
    warc = Warc(packed=False)
    warc.add(f"{full_shop.url}/robots.txt", b"", status="404 Not Found")
    packed = gzip.compress(product_page("p0").encode())
    warc.add(f"<{full_shop.url}/p/p0>", packed, headers=[("Content-Type", html), ("Content-Encoding", "gzip")])
    text = product_page("p1").encode()
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (text[:100], text[100:])) + b"0\r\n\r\n"
    warc.add(f"{full_shop.url}/p/p1", chunked, headers=[("Content-Type", html), ("Transfer-Encoding", "chunked")])
    bomb = gzip.compress(b"<html>" + bytes(30 << 20))
    warc.add(f"{full_shop.url}/p/bomb", bomb, headers=[("Content-Type", html), ("Content-Encoding", "gzip")])
    warc.add(f"{full_shop.url}/a.jpg", b"\xff\xd8", headers=[("Content-Type", "image/jpeg")])
    warc.add("https://elsewhere.example/p/1", b"<html></html>")
    wacz = tmp_path / "shop.wacz"
    with zipfile.ZipFile(wacz, "w") as archive:
        archive.writestr("archive/data.warc", warc.save(tmp_path / "data.warc").read_bytes())
        archive.writestr("pages/pages.jsonl", "{}")
    report = imported(store, settings_for(full_shop), wacz, clock=clock)
    assert [row["native_id"] for row in tables(store)["products"]] == ["p0", "p1"]  # type: ignore[index]
    assert dict(report.dropped)["too_large"] == 1
    assert report.notes[0] == "source shop: responses in the archives: media 1, of the source 4, other_host 1"


def broken(raw: bytes, folder: Path) -> tuple[list[str], str]:
    """Return the URLs or messages of the responses, and why the rest cannot be read."""
    path = folder / "x.warc"
    path.write_bytes(raw)
    found: list[str] = []
    try:
        found.extend(one.url if isinstance(one, ArchivedResponse) else one.detail for one in read_archive(path, 1_000))
    except BrokenArchiveError as error:
        return found, str(error)
    return found, ""


def test_records_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    raw = (
        record()
        + record(fields={"WARC-Date": "yesterday"})
        + record(b"HTTP/1.1 abc\r\n\r\n")
        + record(b"nothing")
        + record(fields={"WARC-Type": "request"})
        + record(fields={"WARC-Type": "revisit"})
        + record(GOOD.replace(b"\r\n", b"\n"))
    )
    assert broken(raw, tmp_path) == (
        [
            "http://shop.example/",
            *2 * ["http://shop.example/: its status or WARC-Date cannot be read"],
            "http://shop.example/: no HTTP response",
            "http://shop.example/",
            "http://shop.example/",
        ],
        "",
    )


def test_archives_that_lie_about_their_length_are_bounded(tmp_path: Path) -> None:
    assert (
        broken(record() + record(fields={"Content-Length": "many"}), tmp_path)[1]
        == "Content-Length: 'many' is no number"
    )
    assert "is no number" in broken(record(fields={"Content-Length": "9" * 5_000}), tmp_path)[1]
    huge = str(1 << 40)
    assert "unpacks to too much" in broken(record(fields={"Content-Length": huge}), tmp_path)[1]
    endless = gzip.compress(b"WARC/1.0\r\nWARC-Type: " + b"a" * (100 << 20))
    assert "unpacks to too much" in broken(endless, tmp_path)[1]
    noise = record(GOOD + random.Random(1).randbytes(100_000))
    found, why = broken((gzip.compress(noise) * 3)[:-20], tmp_path)
    assert (found[:2], why) == (
        ["http://shop.example/"] * 2,
        "Compressed file ended before the end-of-stream marker was reached",
    )
    assert broken(b"\x1f\x8bnot really", tmp_path)[1]


def test_files_that_are_no_archives_are_refused(store: Store, shop: Shop, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html></html>")
    with pytest.raises(UsageError, match="neither WARC nor WACZ"):
        crawl_stage.run(store, settings_for(shop), archives=[page])
    with pytest.raises(UsageError, match="no such file"):
        crawl_stage.run(store, settings_for(shop), archives=[tmp_path / "gone.warc"])
