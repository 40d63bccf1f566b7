"""The ingest stage: a feed becomes a source's rows, and other sources stay unchanged."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contacts import mask_contacts
from core.engine import open_engine
from core.errors import FeedError, NotAuthorisedError, SettingsError, UsageError
from core.stage import StageReport
from crawler import records_stage
from crawler.feeds.cleaning import FEED_REASONS
from crawler.feeds.redaction import SUSPECT
from crawler.ingest_stage import run
from crawler.settings import CrawlSettings, SourceSettings
from storage import Store
from storage.tables import TABLES

MAY = SourceSettings(crawl_authorised=True)
SETTINGS = CrawlSettings(sources={"shop": MAY, "other": MAY, "closed": SourceSettings()})
MAY_1, MAY_2 = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC)
KEY = bytes(range(32))

FULL = {
    "id": "7",
    "url": " https://shop.example/7 ",
    "title": "羊毛\u3000围巾  电话13812345678",
    "category": "服饰 > 围巾",
    "merchant": "某某店",
    "brand": "某牌",
    "price": "1,299.50 CNY",
    "availability": "https://schema.org/InStock",
    "gtin": "0123",
    "mpn": "W-7",
    "image_urls": ["https://shop.example/a.jpg", "https://shop.example/b.jpg", "https://shop.example/a.jpg"],
    "video_urls": ["https://shop.example/v.mp4"],
    "specs": [
        {"property": "材质", "value": " 羊毛 "},
        {"property": "客服", "value": "微信：abc12345"},
        {"property": " ", "value": "x"},
    ],
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "workspace", buckets=2)
    (store.root / "secret.key").write_bytes(KEY)
    return store


def feed(folder: Path, rows: Sequence[object], name: str = "feed.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def ingest(store: Store, path: Path, source: str = "shop", form: str = "auto", now: datetime = MAY_1) -> StageReport:
    return run(store, SETTINGS, path, source=source, form=form, allow_shrink=True, clock=lambda: now)


def rows(store: Store, table: str, *columns: str) -> list[tuple[object, ...]]:
    found = store.snapshot().table(table, columns)
    return list(zip(*(found.column(name).to_pylist() for name in columns), strict=True))


def test_a_row_becomes_a_product_its_specifications_and_its_media(store: Store, tmp_path: Path) -> None:
    report = ingest(store, feed(tmp_path, [FULL, {"id": 8, "url": "http://shop.example/8"}]))
    assert (report.read, report.kept, dict(report.dropped)) == (2, 2, {})
    blank = {column.name: None for column in TABLES["products"].columns}
    seen = {"source": "shop", "first_seen": MAY_1, "last_seen": MAY_1}
    assert store.snapshot().table("products").to_pylist() == [
        blank
        | seen
        | {
            "product_id": "shop:7",
            "url": "https://shop.example/7",
            "native_id": "7",
            "caption": "羊毛 围巾 电话〈phone〉",
            "category": ["服饰", "围巾"],
            "brand": "某牌",
            "price": Decimal("1299.5000"),
            "currency": "CNY",
            "availability": "InStock",
            "merchant": hmac.new(KEY, "某某店".encode(), hashlib.sha256).hexdigest(),
            "gtin": "0123",
            "mpn": "W-7",
            "masked": 2,
        },
        blank
        | seen
        | {"product_id": "shop:8", "url": "http://shop.example/8", "native_id": "8", "category": [], "masked": 0},
    ]
    assert rows(store, "specs", "product_id", "position", "property", "value") == [
        ("shop:7", 0, "材质", "羊毛"),
        ("shop:7", 1, "客服", "微信：〈wechat〉"),
    ]
    assert rows(store, "media", "product_id", "kind", "position", "url", "state", "attempts") == [
        ("shop:7", "image", 0, "https://shop.example/a.jpg", "pending", 0),
        ("shop:7", "image", 1, "https://shop.example/b.jpg", "pending", 0),
        ("shop:7", "video", 0, "https://shop.example/v.mp4", "pending", 0),
    ]


STATED = ("description", "features", "list_price", "rating", "rating_count", "condition", "item_group", "masked")
DESCRIBED = {
    "description": "<p>Woven of reed.</p>\n<p>Write to lamps@shop.example &amp; ask.</p>",
    "features": ["Turns", " ", "Calls 13812345678"],
    "price": "49 EUR",
    "list_price": "59,00 €",
    "rating": "4,25",
    "rating_count": 12,
    "condition": "https://schema.org/UsedCondition",
    "item_group": "R7",
}
UNUSABLE = {
    "price": 49,
    "list_price": 49,
    "rating": "5.1",
    "rating_count": "many",
    "condition": "ok",
    "description": " ",
}


def test_what_else_a_row_states_is_cleaned_and_masked(store: Store, tmp_path: Path) -> None:
    plain = {"id": 3, "url": "http://a/", "description": "One line & no tags", "features": "Turns\nDims"}
    given = [{"id": 1, "url": "http://a/", **DESCRIBED}, {"id": 2, "url": "http://a/", **UNUSABLE}, plain]
    report = ingest(store, feed(tmp_path, given))
    assert rows(store, "products", *STATED) == [
        (
            *("Woven of reed.\nWrite to 〈email〉 & ask.", ["Turns", "Calls 〈phone〉"], Decimal(59), 4.25, 12, "Used"),
            *("R7", 2),
        ),
        (None, None, None, None, None, None, None, 0),
        ("One line & no tags", ["Turns", "Dims"], None, None, None, None, None, 0),
    ]
    assert report.left_out == {"bad_rating": 1}


def test_merchant_feed_states_the_same(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    columns = "id,title,link,price,sale_price,description,condition,item_group_id,product_highlight,image_link"
    values = "1,Lamp,http://a/,59 EUR,49 EUR,Woven of reed.,refurbished,R7,Turns,http://a/i"
    path.write_text(f"{columns}\n{values}\n")
    ingest(store, path, form="merchant")
    assert rows(store, "products", "price", *STATED[:3], "condition", "item_group") == [
        (Decimal(49), "Woven of reed.", ["Turns"], Decimal(59), "Refurbished", "R7")
    ]


PRICES = (
    (12, None, "12", None),
    ("12.90", "eur", "12.90", "EUR"),
    ("12,90 EUR", None, "12.90", "EUR"),
    ("USD 1,234,567.5", None, "1234567.5", "USD"),
    ("¥15", None, "15", "¥"),
    ("15元", None, "15", "CNY"),
    ("26,00 €", None, "26.00", "EUR"),
    ("₸ 500", None, "500", "KZT"),
    ("US$ 15", None, "15", "USD"),
    ("49,90 zł", None, "49.90", "PLN"),
    ("120 руб", None, "120", "RUB"),
    ("R$12", "a currency with a long name", "12", "BRL"),
    (12, "a currency with a long name", "12", "a currency w"),
    ("  ", None, None, None),
)


def test_prices_come_in_many_ways(store: Store, tmp_path: Path) -> None:
    listed = [{"id": f"{n:02}", "url": "http://a/", "price": p, "currency": c} for n, (p, c, _, _) in enumerate(PRICES)]
    ingest(store, feed(tmp_path, listed))
    wanted = [(None if amount is None else Decimal(amount), sign) for _, _, amount, sign in PRICES]
    assert rows(store, "products", "price", "currency") == wanted


def test_bad_items_are_rejected_with_their_number(store: Store, tmp_path: Path) -> None:
    good = {"id": "1", "url": "http://shop.example/1"}
    bad = [[], {"url": "http://a/"}, {"id": "2", "url": "/2"}, {"id": "3", "url": "ftp://a/3"}]
    report = ingest(store, feed(tmp_path, [good, *bad, good | {"title": "again"}, good]))
    assert dict(report.dropped) == {"bad_row": 1, "bad_url": 2, "duplicate_id": 2, "no_id": 1}
    assert set(report.dropped) == set(FEED_REASONS) - {"taken_down"}
    assert (report.read, report.kept) == (7, 1)
    assert rows(store, "products", "product_id", "caption") == [("shop:1", None)]
    assert rows(store, "rejects", "stage", "item", "reason", "detail") == [
        ("ingest-shop", "feed.jsonl:2", "bad_row", "row: not an object"),
        ("ingest-shop", "feed.jsonl:3", "no_id", "id: missing"),
        ("ingest-shop", "feed.jsonl:4", "bad_url", "url: not an http or https URL"),
        ("ingest-shop", "feed.jsonl:5", "bad_url", "url: not an http or https URL"),
        ("ingest-shop", "feed.jsonl:6", "duplicate_id", "id: already used by item 1"),
        ("ingest-shop", "feed.jsonl:7", "duplicate_id", "id: already used by item 1"),
    ]


def test_a_feed_replaces_the_products_of_its_source_only(store: Store, tmp_path: Path) -> None:
    def product(native_id: int, title: str) -> dict[str, object]:
        url = f"http://a/{native_id}"
        return {"id": native_id, "url": url, "title": title, "image_urls": [f"{url}.jpg"], "specs": {"颜色": title}}

    ingest(store, feed(tmp_path, [product(1, "红"), product(2, "蓝")]))
    ingest(store, feed(tmp_path, [product(1, "绿")], "other.jsonl"), source="other")
    ingest(store, feed(tmp_path, [product(1, "白"), product(3, "黑")]), now=MAY_2)
    assert rows(store, "products", "product_id", "caption", "first_seen", "last_seen") == [
        ("other:1", "绿", MAY_1, MAY_1),
        ("shop:1", "白", MAY_1, MAY_2),
        ("shop:3", "黑", MAY_2, MAY_2),
    ]
    assert rows(store, "specs", "product_id", "value") == [("other:1", "绿"), ("shop:1", "白"), ("shop:3", "黑")]
    assert rows(store, "media", "product_id", "url") == [
        ("other:1", "http://a/1.jpg"),
        ("shop:1", "http://a/1.jpg"),
        ("shop:3", "http://a/3.jpg"),
    ]


def test_the_state_of_media_is_kept(store: Store, tmp_path: Path) -> None:
    row = {"id": 1, "url": "http://a/1", "image_urls": ["http://a/1.jpg", "http://a/2.jpg"]}
    ingest(store, feed(tmp_path, [row]))
    with store.stage("download", settings="") as stage:
        media = stage.before.table("media").to_pylist()
        told = {"state": "ok", "attempts": 2, "sha256": "00", "width": 3}
        stage.write("media", pa.Table.from_pylist([media[0] | told, media[1]], schema=TABLES["media"].schema))
        stage.commit(StageReport("download", 0, 0))
    ingest(store, feed(tmp_path, [row | {"title": "new", "image_urls": ["http://a/1.jpg", "http://a/3.jpg"]}]))
    assert rows(store, "media", "url", "state", "attempts", "sha256", "width") == [
        ("http://a/1.jpg", "ok", 2, "00", 3),
        ("http://a/3.jpg", "pending", 0, None, None),
    ]


def test_the_same_feed_again_does_nothing(store: Store, tmp_path: Path) -> None:
    path = feed(tmp_path, [FULL, {}])
    first = ingest(store, path)
    version = store.snapshot().number
    again = ingest(store, path, now=MAY_2)
    assert again.unchanged
    assert (again.read, again.kept, again.dropped) == (first.read, first.kept, first.dropped)
    assert store.snapshot().number == version


def test_a_workspace_of_feeds_has_no_pages_to_read(store: Store, tmp_path: Path) -> None:
    ingest(store, feed(tmp_path, [FULL]))
    before = store.snapshot().tables
    report = records_stage.run(store, SETTINGS)
    after = store.snapshot()
    assert (report.read, {name: after.tables[name] for name in before}) == (0, before)
    assert records_stage.run(store, SETTINGS).unchanged


@pytest.mark.parametrize("specs", ["list", "map"])
def test_parquet_equals_json_lines(store: Store, tmp_path: Path, specs: str) -> None:
    listed: list[dict[str, object]] = [
        FULL | {"category": ["服饰", "围巾"], "price": None, "specs": FULL["specs"] if specs == "list" else None},
        {"id": "8", "url": "http://shop.example/8"},
        {"id": None, "url": "http://shop.example/9"},
        {"id": "8", "url": "http://shop.example/8"},
    ]
    if specs == "map":
        listed[0]["specs"] = {"材质": " 羊毛 ", "客服": "微信：abc12345", " ": "x"}
    pair = pa.struct([("property", pa.string()), ("value", pa.string())])
    kinds: dict[str, pa.DataType] = dict.fromkeys(FULL, pa.string())
    kinds |= dict.fromkeys(("category", "image_urls", "video_urls"), pa.list_(pa.string()))
    kinds["specs"] = pa.list_(pair) if specs == "list" else pa.map_(pa.string(), pa.string())
    columns = {
        name: pa.array([list(v.items()) if isinstance(v := row.get(name), dict) else v for row in listed], kind)
        for name, kind in kinds.items()
    }
    pq.write_table(pa.table(columns), tmp_path / "feed")
    report = ingest(store, tmp_path / "feed")
    assert (report.read, report.kept, dict(report.dropped)) == (4, 2, {"duplicate_id": 1, "no_id": 1})
    other = Store.create(tmp_path / "second", buckets=2)
    (other.root / "secret.key").write_bytes(KEY)
    ingest(other, feed(tmp_path, listed, "lines"))
    for table in ("products", "specs", "media"):
        assert store.snapshot().table(table).equals(other.snapshot().table(table))


def test_parquet_columns_of_wrong_types_are_named(store: Store, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1"], "image_urls": ["http://a/"]}), tmp_path / "feed")
    with pytest.raises(FeedError, match="column image_urls must hold a list of text, not string"):
        ingest(store, tmp_path / "feed")


def test_errors_leave_the_tables_unchanged(store: Store, tmp_path: Path) -> None:
    path = feed(tmp_path, [FULL])
    broken = tmp_path / "broken.json"
    broken.write_text('{"1": {"title": "a", "url": "http://a/"}, "2": ')
    text = tmp_path / "feed.txt"
    text.write_text("nothing known")
    for wrong, source, form, error, message in (
        (path, "nowhere", "auto", SettingsError, "m5data.toml has no source 'nowhere'"),
        (path, "closed", "auto", NotAuthorisedError, "sources.closed.crawl_authorised must be true"),
        (path, "shop", "xls", UsageError, "--format xls is unknown. Use auto, jsonl, csv"),
        (
            path,
            "shop",
            "product1m",
            FeedError,
            r"feed\.jsonl:1: row: the number of fields is 1, not 5. No row is a product",
        ),
        (path, "shop", "parquet", FeedError, "the file is not Parquet"),
        (tmp_path / "none", "shop", "csv", FeedError, "there is no such file"),
        (broken, "shop", "auto", FeedError, "after item 1"),
        (text, "shop", "auto", FeedError, "the format of the feed is unclear"),
    ):
        with pytest.raises(error, match=message) as caught:
            ingest(store, wrong, source, form)
        assert "\n" not in str(caught.value)
    assert store.snapshot().number == 0
    assert not list((store.root / "tables").iterdir())


_IDS = st.sampled_from([None, "", "1", "2", "3", " 1"])
_URLS = st.sampled_from([None, "http://a/", "https://b/c", "x"])
_ROWS = st.lists(st.none() | st.fixed_dictionaries({"id": _IDS, "url": _URLS}), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(listed=_ROWS)
def test_every_row_is_kept_or_rejected(tmp_path_factory: pytest.TempPathFactory, listed: list[object]) -> None:
    folder = tmp_path_factory.mktemp("feed")
    store = Store.create(folder / "workspace", buckets=1)
    try:
        report = ingest(store, feed(folder, listed))
    except FeedError:
        return
    items = [item for (item,) in rows(store, "rejects", "item")]
    assert report.read == len(listed) == report.kept + len(items)
    assert len(items) == len(set(items))
    assert store.snapshot().table("products").num_rows == report.kept


CONTACTS = (
    "电话13812345678",
    "tel. ０１０－８８８８６６６６",
    "010-88886666",
    "400-800-1234",
    "+49 30 1234567",
    "(212) 555-0100",
    "a.b＠shop.example",
    "微信 abc12345",
    "徽信：abcdefg",
    "v 信：abcdefg",
    "weixin: abcdefg",
    "WeChat id: abcdefg",
    "加V X：abcdefg",
    "QQ 12345",
    "企鹅群：123456",
    "地址：某处一号",
    "Our address: Nowhere Lane",
    "Adresse: Nirgendwo",
    "adrес адрес: нигде",
    "上海市长宁区某路1号",
)


_PARTS = (
    *(
        "电话",
        "Tel",
        "téléphone",
        "тел",
        "ТЕЛЕФОН",
        "WhatsApp",
        "Hotlıne",
        "vİber",
        "phone",
        "手机号码",
        "fax",
        "☎",
        "no.",
        "number",
    ),
    *("微信", "v 信", "WeıXin", "we chat", "id", "号", "vx", "W X", "QQ", "扣扣", "群", "号码", "加"),
    *(
        "地址",
        "Our address",
        "İndirizzo",
        "adresse",
        "上海市",
        "长宁区",
        "中山路",
        "弄",
        "号楼",
        "@",
        "＠",
        "shop.example",
        "．com",
    ),
    *(
        "0",
        "1",
        "13",
        "138",
        "1234",
        "5678",
        "86",
        "010",
        "400",
        "８８８",
        "١٢٣",
        "+49",
        "＋1",
        "(212)",
        "(010)",
        "-",
        "－",
        ".",
    ),
    *(" ", "\xa0", "\u3000", "\x0b", "\x1c", "\x85", "\n", ":", "：", "=", "/", ",", "a", "bc", "ſ", "K", "中", "_"),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(_PARTS), min_size=1, max_size=9).map("".join) | st.text(max_size=30))
def test_the_exact_rule_finds_nothing_that_the_suspect_pattern_misses(text: str) -> None:
    text = text.encode(errors="ignore").decode()
    if mask_contacts(text)[1]:
        with open_engine() as engine:
            assert engine.execute("SELECT regexp_matches($1, $2)", [text, SUSPECT]).fetchall() == [(True,)]


def test_every_contact_detail_matches_the_suspect_pattern(store: Store, tmp_path: Path) -> None:
    with store.snapshot().connection() as connection:
        for text in CONTACTS:
            found = connection.execute(
                "SELECT regexp_matches($text, $look)", {"text": text, "look": SUSPECT}
            ).fetchone()
            assert (text, found) == (text, (True,))
    listed = [{"id": f"{n:02}", "url": "http://a/", "title": text} for n, text in enumerate(CONTACTS)]
    ingest(store, feed(tmp_path, listed))
    masked = [mask_contacts(text) for text in CONTACTS]
    assert {found for _, found in masked} == {1}
    assert rows(store, "products", "caption", "masked") == masked
