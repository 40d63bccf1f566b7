"""A hostile feed takes time and memory in proportion to its length, and its bad rows cost no other rows."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError, FeedError
from core.stage import StageReport
from crawler.ingest_stage import run
from crawler.settings import CrawlSettings, SourceSettings
from storage import Store
from tests.crawler.feeds.hostile import SHAPES, mutated_feeds, read_feed, survives

SETTINGS = CrawlSettings(sources={"shop": SourceSettings(crawl_authorised=True)})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=2)


def ingest(store: Store, path: Path, *, allow_shrink: bool = False) -> StageReport:
    return run(store, SETTINGS, path, source="shop", allow_shrink=allow_shrink)


def rejects(store: Store) -> list[tuple[str, ...]]:
    found = store.snapshot().sql("SELECT item, reason, detail FROM rejects ORDER BY ALL").to_pylist()
    return [tuple(row.values()) for row in found]


def products(store: Store) -> list[str]:
    return [row["product_id"] for row in store.snapshot().table("products", ["product_id"]).to_pylist()]


def cost(folder: Path, feed: bytes) -> float:
    """Return the CPU seconds of reading a feed."""
    path = folder / "feed"
    path.write_bytes(feed)
    began = time.process_time()
    with suppress(FeedError):
        read_feed(path)
    seconds = time.process_time() - began
    shutil.rmtree(folder / "parts", ignore_errors=True)
    return seconds


@pytest.fixture(scope="module")
def empty_cost(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Return the CPU seconds of reading a minimal feed."""
    folder = tmp_path_factory.mktemp("empty")
    return min(cost(folder, b"id,url\n1,http://a\n") for _ in range(3))


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_feed_costs_twice_the_time(tmp_path: Path, empty_cost: float, shape: str) -> None:
    size, make = SHAPES[shape]

    def grows_in_proportion() -> bool:
        twice = cost(tmp_path, make(2 * size)) - empty_cost
        if twice <= 2.5 * 0.15:  # half of it is below 0.15 s, too short for the clock's resolution
            return True
        return twice <= 2.5 * (min(cost(tmp_path, make(size)) for _ in range(2)) - empty_cost)

    # on a busy machine one measurement may be off
    assert any(grows_in_proportion() for _ in range(6))


def test_mutated_feeds_are_read_or_refused(tmp_path: Path) -> None:
    for name, feed in mutated_feeds(60, seed=20261123):
        (tmp_path / name).mkdir()
        survives(tmp_path / name / "feed", feed)


def test_each_url_stands_once_in_the_order_of_the_feed(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text("id,url,image_urls\n1,http://a,http://c|http://b|http://c|http://a|http://b\n")
    ingest(store, path)
    media = store.snapshot().sql("SELECT url FROM media ORDER BY position").to_pylist()
    assert [row["url"] for row in media] == ["http://c", "http://b", "http://a"]


def test_half_characters_are_rejected_with_their_column(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_text(
        '{"id": 1, "url": "http://a"}\n'
        '{"id": 2, "url": "http://a", "title": "\\ud83d"}\n'
        '{"id": 3, "url": "http://a", "specs": {"\\ud83d": "v"}}\n'
        '{"id": 4, "url": "http://a", "title": "\\ud83d\\ude00"}\n'
    )
    ingest(store, path)
    assert products(store) == ["shop:1", "shop:4"]
    assert rejects(store) == [
        ("feed.jsonl:2", "bad_row", "title: not valid Unicode"),
        ("feed.jsonl:3", "bad_row", "specs: not valid Unicode"),
    ]


def test_a_broken_text_of_parquet_costs_its_row_alone(store: Store, tmp_path: Path) -> None:
    def broken(*texts: bytes) -> pa.StringArray:
        found = pa.array(texts)
        return pa.StringArray.from_buffers(len(texts), *found.buffers()[1:])

    images = pa.ListArray.from_arrays(pa.array([0, 1, 1, 2], pa.int32()), broken(b"http://a/1", b"\xff"))
    columns = {"id": ["1", "2", "3"], "url": ["http://a"] * 3, "title": broken(b"ok", b"\xff\xfe", b"ok")}
    pq.write_table(pa.table({**columns, "image_urls": images}), tmp_path / "feed.parquet")
    report = ingest(store, tmp_path / "feed.parquet")
    assert (report.read, report.kept) == (3, 1)
    assert rejects(store) == [
        ("feed.parquet:2", "bad_row", "title: not UTF-8"),
        ("feed.parquet:3", "bad_row", "image_urls: not UTF-8"),
    ]


def test_an_item_with_too_many_elements_is_rejected(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    one, other = (f"<id>{n}</id><link>http://a</link>" for n in (1, 2))
    path.write_text(f"<rss><a/>\n<item>{one}</item>\n<item>{other}{'<b/>' * 100_000}</item></rss>")
    ingest(store, path)
    assert products(store) == ["shop:1"]
    assert rejects(store) == [("feed.xml:2", "bad_row", "item: more than 100000 elements (line 3)")]


def test_rows_behind_an_open_quote_are_kept(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text(
        'id,url,title\n1,http://a,ok\n2,http://a,"open\n' + "".join(f"{n},http://a,t\n" for n in range(3, 90))
    )
    report = ingest(store, path)
    assert (report.read, report.kept) == (89, 88)
    assert rejects(store) == [("feed.csv:2", "bad_row", "row: unexpected end of data (line 3)")]


def test_what_is_no_price_costs_the_price_alone(store: Store, tmp_path: Path) -> None:
    prices = ["1e400", "1e2", "-5", "USD -5", "1_000", "inf", "0x10", "5e", "--5", "9" * 30, "call us"]
    path = tmp_path / "feed.csv"
    path.write_text("id,url,price\n" + "".join(f"{n:02},http://a,{price}\n" for n, price in enumerate(prices, 1)))
    report = ingest(store, path)
    assert (report.read, report.kept, report.dropped) == (len(prices), len(prices), {})
    assert report.left_out == {"bad_price": len(prices)}
    assert store.snapshot().table("products", ["price"])["price"].null_count == len(prices)
    wanted = [(f"feed.csv:{n}", "bad_price", f"price: not an amount (line {n + 1})") for n in range(1, len(prices) + 1)]
    assert rejects(store) == sorted(wanted)


def test_too_many_entries_are_rejected(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text(f"id,url,image_urls\n1,http://a,{'a|' * 10_001}\n2,http://a,{'a|' * 10_000}\n")
    ingest(store, path)
    assert rejects(store) == [("feed.csv:1", "bad_row", "image_urls: 10001 entries, at most 10000 (line 2)")]


def _two_titles() -> pa.Table:
    texts = [pa.array(["1"]), pa.array(["http://a"]), pa.array(["t"]), pa.array(["u"])]
    return pa.Table.from_arrays(texts, ["id", "url", "title", "title"])


def _nothing() -> pa.Table:
    return pa.table({"id": pa.array([], pa.string()), "url": pa.array([], pa.string())})


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with two products of the source; refused feeds must not change it."""
    folder = tmp_path_factory.mktemp("stocked")
    (folder / "good.csv").write_text("id,url\n1,http://a\n2,http://a\n")
    store = Store.create(folder / "workspace", buckets=2)
    ingest(store, folder / "good.csv")
    return store


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,url,title\n", "the feed has no rows"),
        (b"", "the file is empty"),
        (b"PK\x03\x04" + bytes(80), "a ZIP archive or a spreadsheet. Save the feed as text"),
        (b"id,url\n1,http://a\0\n", "the file is not text"),
        (b"id,url,url\n1,http://a,http://b\n", "1: the column url appears twice"),
        (_nothing(), "the feed has no rows"),
        (_two_titles(), "the column title appears twice"),
    ],
    ids=["header", "empty", "archive", "not text", "twice", "no rows", "twice in parquet"],
)
def test_an_empty_or_unclear_feed_changes_nothing(
    stocked: Store, tmp_path: Path, content: bytes | pa.Table, message: str
) -> None:
    path = tmp_path / "feed"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        pq.write_table(content, path)
    with pytest.raises(FeedError, match=message) as caught:
        ingest(stocked, path, allow_shrink=True)
    assert str(path) in str(caught.value)
    assert products(stocked) == ["shop:1", "shop:2"]


def test_a_feed_that_removes_too_much_is_refused_unless_asked_for(store: Store, tmp_path: Path) -> None:
    for name, count in (("ten", 10), ("seven", 7), ("six", 6), ("four", 4)):
        (tmp_path / name).write_text("id,url\n" + "".join(f"{n},http://a\n" for n in range(count)))
    ingest(store, tmp_path / "ten")
    assert ingest(store, tmp_path / "seven").kept == 7
    assert ingest(store, tmp_path / "six").kept == 6
    with pytest.raises(DataError, match=r"shop: 2 of 6 products would be removed, more than 30%"):
        ingest(store, tmp_path / "four")
    assert len(products(store)) == 6
    assert ingest(store, tmp_path / "four", allow_shrink=True).kept == 4


def test_a_damaged_parquet_file_is_named(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.parquet"
    pq.write_table(pa.table({"id": ["1"] * 500, "url": ["http://a"] * 500}), path, compression="snappy")
    content = bytearray(path.read_bytes())
    content[10:60] = bytes(50)
    path.write_bytes(content)
    with pytest.raises(FeedError) as caught:
        ingest(store, path)
    assert str(path) in str(caught.value)
