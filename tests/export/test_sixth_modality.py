"""A sixth modality needs one folder (``tests/export/reviews``) and one line that names it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import m5data
from align import align_stage
from align.settings import AlignSettings
from core import modalities as registry
from core.errors import FeedError
from core.modalities import FeedColumn, LedgerEntry, Modality, modalities, register, unregister
from core.stage import StageReport, utc_now
from core.table_spec import ID, INT, TEXT, Column, TableSpec
from core.tar import read_members
from crawler import ingest_stage, records_stage
from export import export_stage
from export.rights import Rights
from export.settings import ExportSettings
from extract import dedup_stage
from extract.settings import DedupSettings
from splits import splits_stage
from splits.settings import SplitSettings
from storage import Store
from storage.consistency import check_consistency
from storage.copying import rebucket
from storage.difference import table_changes
from storage.erasure import history
from storage.tables import TABLES
from takedown.forget import forget
from takedown.plan import Target
from tests.export.reviews import REVIEWS
from workspace import Workspace

SETTINGS = """
[sources.shop]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"
[splits]
recipe = "mep3m"
"""
PRODUCTS = 12


@contextmanager
def registered() -> Iterator[None]:
    """Register the modality as its line in ``core/modalities.py`` would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_IN_FOLDERS", ("tests.export.reviews:REVIEWS",))
        registry._load_folders.cache_clear()
        registry.feed_columns.cache_clear()
        yield
        for modality in modalities()[5:]:
            unregister(modality.name)


@pytest.fixture(autouse=True)
def six() -> Iterator[None]:
    with registered():
        yield


def reviews_of(number: int) -> list[str]:
    """Return the reviews of a product as they are stored: every third product has none."""
    return [f"review {number} of a warm scarf", "call 〈phone〉"] if number % 3 else []


def row(number: int) -> dict[str, object]:
    published = [f" review {number}  of a warm\tscarf", " ", "call 13812345678"] if number % 3 else []
    category = ("wear", "tea")[number % 2]
    product = {"id": number, "url": f"https://shop.example/{number}", "title": f"thing {number} {category} {number**5}"}
    return {**product, "category": f"all > {category} > {category} things", "reviews": published}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a feed of twelve products and a workspace that processed it up to the splits stage."""
    folder = tmp_path_factory.mktemp("built")
    with registered():
        workspace = Workspace.create(folder / "workspace", SETTINGS)
        feed = folder / "feed.jsonl"
        feed.write_text("".join(json.dumps(row(number)) + "\n" for number in range(PRODUCTS)))
        ingest(workspace, feed)
        dedup_stage.run(workspace.store, DedupSettings())
        align_stage.run(workspace.store, AlignSettings())
        splits_stage.run(workspace.store, SplitSettings(recipe="mep3m"))
    return folder


@pytest.fixture
def workspace(built: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return m5data.open(tmp_path / "workspace")


def ingest(workspace: Workspace, feed: Path) -> StageReport:
    return ingest_stage.run(workspace.store, workspace.settings.crawl, feed, source="shop")


def stored(store: Store) -> dict[str, list[str]]:
    """Return product -> its reviews, in order."""
    found: dict[str, list[str]] = {}
    for line in store.snapshot().table("reviews").to_pylist():
        found.setdefault(line["product_id"], []).append(line["text"])
    return found


EXPECTED = {f"shop:{number}": reviews_of(number) for number in range(PRODUCTS) if reviews_of(number)}


def test_ingest_fills_the_table_and_masks_contact_details(workspace: Workspace) -> None:
    assert stored(workspace.store) == EXPECTED
    assert set(workspace.table("products")["masked"].to_pylist()) == {0}


def test_the_ledger_has_its_column(workspace: Workspace) -> None:
    rows = workspace.sql("select * from ledger").to_pylist()
    assert list(rows[0])[-2:] == ["reviews", "modalities"]
    assert {line["product_id"] for line in rows if line["reviews"] == "present"} == EXPECTED.keys()
    assert {(line["reviews"], line["modalities"]) for line in rows} == {("present", 2), ("no_reviews", 1)}


def test_samples_hold_it(workspace: Workspace) -> None:
    samples = list(workspace.samples("train"))
    assert samples
    assert {s.product_id: list(s.more["reviews"]) for s in samples} == {
        s.product_id: EXPECTED.get(s.product_id, []) for s in samples
    }
    assert all(s.present["reviews"] == (s.product_id in EXPECTED) for s in samples)


def test_shards_and_their_descriptions_hold_it(workspace: Workspace) -> None:
    folder = export(workspace.store)
    table = pq.read_table(sorted((folder / "parquet" / "train").glob("*.parquet")))
    written = dict(zip(table["product_id"].to_pylist(), table["reviews"].to_pylist(), strict=True))
    assert written == {name: EXPECTED.get(name, []) for name in written}
    assert any(written.values())
    assert _webdataset(folder) == {name: "\n".join(texts) for name, texts in written.items()}
    fields = json.loads((folder / "parquet" / "croissant.json").read_text())["recordSet"][0]["field"]
    assert {"name": "reviews", "dataType": "sc:Text"}.items() <= fields[-1].items()
    assert "Products with six modalities" in (folder / "parquet" / "README.md").read_text()
    manifest = json.loads((folder / "parquet" / "manifest.json").read_text())
    assert manifest["modalities"][-1] == "reviews"
    assert manifest["tables"]["reviews"] == workspace.store.snapshot().tables["reviews"]


def test_a_changed_review_changes_the_table_and_the_shards(workspace: Workspace, tmp_path: Path) -> None:
    export(workspace.store)
    before = workspace.store.snapshot()
    feed = tmp_path / "feed.jsonl"
    feed.write_text(feed.read_text().replace("review 1  of", "verdict 1 on"))
    assert not ingest(workspace, feed).unchanged
    changes = {change.table: change for change in table_changes(before, workspace.store.snapshot())}
    assert changes["reviews"].changed == 1
    assert stored(workspace.store)["shop:1"][0] == "verdict 1 on a warm scarf"
    assert ingest(workspace, feed).unchanged
    train = pq.read_table(sorted((export(workspace.store) / "parquet" / "train").glob("*.parquet")))
    written = dict(zip(train["product_id"].to_pylist(), train["reviews"].to_pylist(), strict=True))
    assert written.get("shop:1", ["verdict 1 on a warm scarf"])[0] == "verdict 1 on a warm scarf"


def test_a_feed_that_was_taken_before_the_modality_existed_is_taken_again(workspace: Workspace, tmp_path: Path) -> None:
    assert ingest(workspace, tmp_path / "feed.jsonl").unchanged
    modalities()
    unregister("reviews")
    assert not ingest(workspace, tmp_path / "feed.jsonl").unchanged
    register(REVIEWS)
    assert not ingest(workspace, tmp_path / "feed.jsonl").unchanged


def test_records_from_pages_leave_the_rows_of_products_from_feeds(workspace: Workspace) -> None:
    records_stage.run(workspace.store, workspace.settings.crawl)
    assert stored(workspace.store) == EXPECTED


def test_verify_checks_the_table(workspace: Workspace) -> None:
    checks = {check.name: check.ok for check in check_consistency(workspace.store.snapshot())}
    assert all(checks.values())
    assert {"keys:reviews", "known:reviews"} <= checks.keys()


def test_a_copy_has_the_table(workspace: Workspace, tmp_path: Path) -> None:
    assert stored(rebucket(workspace.store.snapshot(), tmp_path / "copy", 3, utc_now)) == EXPECTED


def test_a_takedown_removes_its_rows_from_every_version(workspace: Workspace, tmp_path: Path) -> None:
    receipt = forget(workspace.store, Target("product", "shop:1"))
    assert receipt.rows["reviews"] == 2
    assert stored(workspace.store) == {name: texts for name, texts in EXPECTED.items() if name != "shop:1"}
    with history(workspace.root) as engine:
        assert engine.sql("SELECT count(*) FROM reviews WHERE product_id = 'shop:1'").fetchall() == [(0,)]
        assert engine.sql("SELECT count(*) FROM reviews").fetchall() != [(0,)]
    feed = tmp_path / "again.jsonl"
    feed.write_text("".join(json.dumps(row(number)) + "\n" for number in range(PRODUCTS)))
    assert dict(ingest(workspace, feed).dropped) == {"taken_down": 1}
    assert "shop:1" not in stored(workspace.store)


OPINIONS = replace(
    REVIEWS,
    name="opinions",
    ledger=LedgerEntry("opinions", "present", "'present'"),
    table=TableSpec(
        name="opinions",
        meaning="One row per opinion.",
        key=("product_id", "position"),
        bucket_of="product_id",
        columns=(
            Column("product_id", ID, "product"),
            Column("position", INT, "place"),
            Column("text", TEXT, "text", nullable=True),
            Column("stars", INT, "1 to 5", nullable=True),
        ),
    ),
    feed=FeedColumn(
        "opinions",
        pa.list_(pa.struct([("text", pa.string()), ("stars", pa.int32())])),
        "SELECT product_id, position, fold(one.text) AS text, one.stars AS stars FROM (SELECT product_id, "
        "generate_subscripts(opinions, 1) - 1 AS position, unnest(opinions) AS one FROM part_rows)",
    ),
)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_every_format_with_named_columns_may_hold_objects(tmp_path: Path, form: str) -> None:
    register(OPINIONS)
    workspace = Workspace.create(tmp_path / "workspace", SETTINGS)
    opinions = [{"text": "good, write to me@shop.example", "stars": 5}, {"text": None, "stars": 1}]
    rows: list[dict[str, object]] = [
        {"id": "1", "url": "https://shop.example/1", "opinions": opinions},
        {"id": "2", "url": "http://a.b/2"},
    ]
    ingest(workspace, write(tmp_path / f"feed.{form}", rows))
    found = workspace.store.snapshot().table("opinions").to_pylist()
    assert [(line["product_id"], line["position"], line["text"], line["stars"]) for line in found] == [
        ("shop:1", 0, "good, write to 〈email〉", 5),
        ("shop:1", 1, None, 1),
    ]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows).cast(_parquet_schema()), path)
    elif path.suffix == ".csv":
        cells = [[line["id"], line["url"], json.dumps(line.get("opinions", [])).replace('"', '""')] for line in rows]
        path.write_text("id,url,opinions\n" + "".join(f'{a},{b},"{c}"\n' for a, b, c in cells))
    else:
        path.write_text("".join(json.dumps(line) + "\n" for line in rows))
    return path


def _parquet_schema() -> pa.Schema:
    opinion = pa.struct([("text", pa.string()), ("stars", pa.int16())])
    return pa.schema([("id", pa.string()), ("url", pa.string()), ("opinions", pa.list_(opinion))])


@pytest.mark.parametrize("value", ["a text", [1.5, {}], [["a"]], [{"text": "a"}]])
def test_a_value_of_the_wrong_type_rejects_its_row_alone(tmp_path: Path, value: object) -> None:
    workspace = Workspace.create(tmp_path / "workspace", SETTINGS)
    rows = [{**row(1), "reviews": value}, row(2)]
    report = ingest(workspace, write(tmp_path / "feed.jsonl", rows))
    assert dict(report.dropped) == {"bad_row": 1}
    assert stored(workspace.store) == {"shop:2": reviews_of(2)}


def test_an_integer_beyond_its_column_rejects_its_row_alone(tmp_path: Path) -> None:
    register(OPINIONS)
    workspace = Workspace.create(tmp_path / "workspace", SETTINGS)
    rows = [{**row(1), "opinions": [{"stars": 2**31}]}, {**row(2), "opinions": [{"stars": 2**31 - 1}]}]
    assert dict(ingest(workspace, write(tmp_path / "feed.jsonl", rows)).dropped) == {"bad_row": 1}


def test_a_parquet_column_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace", SETTINGS)
    pq.write_table(pa.table({"id": ["1"], "url": ["http://a.b/1"], "reviews": [[1]]}), tmp_path / "feed.parquet")
    with pytest.raises(FeedError, match="column reviews must hold list<item: string>, not list"):
        ingest(workspace, tmp_path / "feed.parquet")


def _spec(**changes: object) -> TableSpec:
    assert REVIEWS.table is not None
    return replace(REVIEWS.table, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("modality", "message"),
    [
        (REVIEWS, "'reviews' is registered already"),
        (replace(REVIEWS, name="x", table=None), "no table"),
        (replace(REVIEWS, name="x", table=_spec(bucket_of=None)), "must begin with product_id, also its bucket"),
        (replace(REVIEWS, name="x", table=_spec(key=("position",))), "must begin with product_id"),
        (replace(REVIEWS, name="x", table=_spec(key=("product_id", "text"))), "masking could make texts equal"),
        (
            replace(REVIEWS, name="x", table=_spec(columns=(*_spec().columns, Column("l", pa.list_(TEXT), "list")))),
            "must have no lists",
        ),
    ],
)
def test_a_modality_that_cannot_be_kept_is_refused(modality: Modality, message: str) -> None:
    modalities()
    with pytest.raises(ValueError, match=message):
        register(modality)


def test_names_that_are_taken_are_refused(tmp_path: Path) -> None:
    register(replace(REVIEWS, name="x", table=_spec(name="specs"), feed=None))
    with pytest.raises(ValueError, match="table specs exists already"):
        list(TABLES)
    unregister("x")
    register(
        replace(REVIEWS, name="x", table=_spec(name="x"), feed=FeedColumn("title", TEXT, ""), ledger=OPINIONS.ledger)
    )
    workspace = Workspace.create(tmp_path / "workspace", SETTINGS)
    with pytest.raises(ValueError, match="column title already"):
        ingest(workspace, write(tmp_path / "feed.jsonl", [row(1)]))


def export(store: Store) -> Path:
    rights = {"shop": Rights(share=True, licence="CC0-1.0")}
    settings = ExportSettings.model_validate({"max_shard_bytes": 1024})
    export_stage.run(store, settings, recipe="mep3m", rights=rights)
    return store.root / "shards" / "mep3m"


def _webdataset(folder: Path) -> dict[str, str]:
    """Return product -> its review member, after checking that the JSON member agrees."""
    samples: dict[tuple[Path, str], dict[str, bytes]] = {}
    for path in sorted((folder / "webdataset" / "train").glob("*.tar")):
        for member in read_members(path):
            samples.setdefault((path, member.sample), {})[member.extension] = member.read()
    facts = [(json.loads(sample["json"]), sample["reviews.txt"].decode()) for sample in samples.values()]
    assert all("\n".join(fact["reviews"]) == text for fact, text in facts)
    return {fact["product_id"]: text for fact, text in facts}
