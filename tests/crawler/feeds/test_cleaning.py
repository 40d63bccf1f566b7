"""A Parquet feed read in parts yields the same rows as a plain Python implementation."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contacts import hash_merchant, mask_contacts
from core.engine import open_engine
from crawler.feeds import cleaning
from crawler.feeds.cleaning import MACROS
from crawler.ingest_stage import run
from crawler.settings import CrawlSettings, SourceSettings
from storage import Store
from tests.storage.synthetic import is_sorted

SETTINGS = CrawlSettings(sources={"shop": SourceSettings(crawl_authorised=True)})
KEY = bytes(range(32))
NOON = datetime(2024, 5, 1, tzinfo=UTC)
PAIR = pa.struct([("property", pa.string()), ("value", pa.string())])
SCHEMA = pa.schema(
    [("id", pa.string()), ("url", pa.string()), ("title", pa.string()), ("merchant", pa.string()),
     ("image_urls", pa.list_(pa.string())), ("specs", pa.list_(PAIR))]
)  # fmt: skip

_SPACES = " \t\n\r\f\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
_TEXT = st.text(st.sampled_from("ab9信" + _SPACES), max_size=8) | st.sampled_from(
    ["电话13812345678", "微信：abc12345", "wei xin: abcdef", "12 ml", "  two  words ", "QQ 12345", "120x60x45 cm"]
)
_MAYBE = st.none() | _TEXT
_ROW = st.fixed_dictionaries(
    {
        "title": _MAYBE,
        "merchant": _MAYBE,
        "image_urls": st.none()
        | st.lists(st.sampled_from(["http://a/1", "http://a/2 ", " ", "http://a/3"]), max_size=4),
        "specs": st.none() | st.lists(st.fixed_dictionaries({"property": _MAYBE, "value": _MAYBE}), max_size=4),
    }
)


def fold(text: str | None) -> str | None:
    return None if text is None else re.sub(f"[{_SPACES}]+", " ", text).strip(" ") or None


def wanted(rows: Sequence[Mapping[str, object]]) -> tuple[list[object], list[object], list[object]]:
    """Return the expected rows of products, specs and media, computed one product at a time."""
    products: list[object] = []
    specs: list[object] = []
    media: list[object] = []
    for number, row in enumerate(rows):
        name, caption = f"shop:{number:02}", fold(row["title"])  # type: ignore[arg-type]
        masked, found = mask_contacts(caption) if caption else (caption, 0)
        merchant = fold(row["merchant"])  # type: ignore[arg-type]
        pairs = [(fold(pair["property"]), fold(pair["value"])) for pair in row["specs"] or ()]  # type: ignore[attr-defined]
        for position, (label, value) in enumerate((p, v) for p, v in pairs if p and v):
            clean, times = mask_contacts(str(value), str(label))
            found += times
            specs.append((name, position, label, clean))
        urls = dict.fromkeys(url for given in row["image_urls"] or () if (url := fold(given)))  # type: ignore[attr-defined]
        media += [(name, "image", position, url, "pending") for position, url in enumerate(urls)]
        products.append((name, masked, hash_merchant(merchant, KEY) if merchant else None, found))
    return products, specs, media


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_ROW, min_size=1, max_size=12), buckets=st.sampled_from([1, 3, 4]), of=st.sampled_from([2, 100]))
def test_rows_equal_those_of_plain_python(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, object]],
    buckets: int,
    of: int,
) -> None:
    monkeypatch.setattr(cleaning, "_ROWS", of)
    folder = tmp_path_factory.mktemp("parts")
    store = Store.create(folder / "workspace", buckets=buckets)
    (store.root / "secret.key").write_bytes(KEY)
    listed = [{"id": f"{n:02}", "url": f"http://shop.example/{n}", **row} for n, row in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(listed, schema=SCHEMA), folder / "feed.parquet")
    run(store, SETTINGS, folder / "feed.parquet", source="shop", clock=lambda: NOON)
    found = [
        [tuple(row.values()) for row in store.snapshot().table(name, columns).to_pylist()]
        for name, columns in (
            ("products", ["product_id", "caption", "merchant", "masked"]),
            ("specs", ["product_id", "position", "property", "value"]),
            ("media", ["product_id", "kind", "position", "url", "state"]),
        )
    ]
    assert tuple(found) == wanted(rows)
    assert not (store.root / "staging").exists()
    for name, key in (("products", ["product_id"]), ("specs", ["product_id", "position"])):
        assert all(is_sorted(store.root / "tables" / name / f.path, key) for f in store.snapshot().files(name))
    store.objects.close()


@given(st.text(st.sampled_from("a 信" + _SPACES), max_size=10))
def test_the_folding_shortcut_changes_nothing(text: str) -> None:
    with open_engine() as engine:
        engine.execute(MACROS[0])
        assert engine.execute("SELECT fold($1)", [text]).fetchall() == [(fold(text),)]


def test_a_second_feed_in_parts_replaces_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "_ROWS", 2)
    store = Store.create(tmp_path / "workspace", buckets=3)
    for title, numbers in (("one", range(12)), ("two", range(4, 16))):
        listed = [{"id": f"{n:02}", "url": "http://a/", "title": title} for n in numbers]
        pq.write_table(pa.Table.from_pylist(listed, schema=SCHEMA), tmp_path / f"{title}.parquet")
        run(store, SETTINGS, tmp_path / f"{title}.parquet", source="shop", allow_shrink=True, clock=lambda: NOON)
    rows = store.snapshot().table("products", ["product_id", "caption"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [(f"shop:{n:02}", "two") for n in range(4, 16)]
    store.objects.close()
