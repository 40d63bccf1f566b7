import hashlib
import json
from pathlib import Path

import pytest

from crawler import ingest_stage
from crawler.crawl.frontier import Frontier, open_frontier
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.tombstoned_pages import PageRedactor
from export.takedown import is_removed, read_removed
from splits.takedown import recorded_digests
from storage.tables import TABLES
from takedown.forget import forget
from takedown.plan import Target, TargetKind
from takedown.register import open_register
from tests.m5data.marker_search import places_with
from tests.takedown.planted import (
    HOME,
    MERCHANT,
    NAMES,
    NOW,
    PLANTED,
    SHARED,
    URL,
    WORDS,
    now,
    page,
    pages,
    records,
    store_pages,
    url_of,
)
from workspace import Workspace

OTHERS = [f"shop:{name}" for name in NAMES if name != "k7"]
TARGETS: list[tuple[TargetKind, str]] = [("merchant", MERCHANT), ("product", PLANTED), ("url", URL)]


def take_down(folder: Path, kind: TargetKind = "merchant", value: str = MERCHANT) -> None:
    forget(Workspace.open(folder).store, Target(kind, value), clock=now)


def contents(folder: Path, *tops: str) -> dict[str, bytes]:
    files = (path for top in tops for path in sorted((folder / top).rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def products_of(workspace: Workspace, table: str) -> set[str]:
    rows = workspace.table(table).to_pylist()
    names = ("product_id", "group_id", "query", "candidate")
    return {str(row[name]) for row in rows for name in names if name in row}


def test_the_planted_words_are_everywhere_before(folder: Path) -> None:
    tops = {place.partition("/")[0].partition(":")[0].removesuffix("-wal") for place in places_with(folder, WORDS)}
    expected = {
        "certificates",
        "frontiers",
        "logs",
        "objects",
        "prefect",
        "reports",
        "shards",
        "state.sqlite",
        "tables",
    }
    assert tops == {*expected, "state.sqlite", "downloads.sqlite"}


@pytest.mark.parametrize(("kind", "value"), TARGETS)
def test_nothing_names_it_afterwards_and_all_else_is_there(folder: Path, kind: TargetKind, value: str) -> None:
    take_down(folder, kind, value)
    assert places_with(folder, WORDS) == []
    workspace = Workspace.open(folder)
    assert workspace.table("products")["product_id"].to_pylist() == OTHERS
    assert list(workspace.store.verify_objects()) == []
    media = workspace.table("media").to_pylist()
    assert [row["product_id"] for row in media] == sorted(OTHERS * 2)
    shared = next(row for row in media if row["product_id"] == "shop:k9")
    assert workspace.store.objects.page(shared["sha256"]).url == shared["url"]
    assert workspace.store.objects.read(shared["sha256"]) == SHARED


def test_every_earlier_version_can_be_read_and_is_without_it(folder: Path) -> None:
    before = Workspace.open(folder).store.versions()
    take_down(folder)
    store = Workspace.open(folder).store
    assert [version.number for version in store.versions()][1:] == [version.number for version in before]
    for version in before:
        opened = Workspace.open(folder, version.number)
        assert all(PLANTED not in products_of(opened, name) for name in TABLES)
        assert opened.snapshot.tables == version.tables
        if "products" in version.tables:
            assert products_of(opened, "products") == set(OTHERS)


def test_pages_of_others_lose_what_names_it_and_nothing_else(folder: Path) -> None:
    take_down(folder)
    store = Workspace.open(folder).store
    with open_frontier(store, "shop") as state:
        rows = state.execute("SELECT url, page_sha256, parsed_sha256 FROM source_pages WHERE kind = 'page'").fetchall()
    stored = {url: store.objects.page(sha).body.decode() for url, sha, _ in rows if sha}
    assert set(stored) == {url_of(name) for name in NAMES if name != "k7"} | {f"{HOME}/"}
    listed = stored[f"{HOME}/"]
    assert [name for name in NAMES if f'href="/p/{name}"' in listed] == ["k5", "k6", "k8", "k9"]
    assert stored[url_of("k8")].replace("<a></a>", "") == page("k8", "a plain pot, number k8")
    of_k8 = next(row for row in Workspace.open(folder).table("products").to_pylist() if row["native_id"] == "k8")
    assert [sha for url, *shas in rows if url == url_of("k8") for sha in shas] == [of_k8["page_sha256"]] * 2


def test_only_the_shards_that_held_it_are_written_again(folder: Path) -> None:
    before = contents(folder, "shards")
    take_down(folder)
    after = contents(folder, "shards")
    changed = {name for name in {**before, **after} if before.get(name) != after.get(name)}
    held = {"parquet/train/00000.parquet", "webdataset/train/00001.tar", "webdataset/train/00002.tar"}
    forms = ("parquet", "webdataset")
    described = {f"{form}/{name}" for form in forms for name in ("manifest.json", "README.md")}
    assert changed == {f"shards/planted/{name}" for name in held | described} | {"shards/removed.jsonl"}
    for form in forms:
        manifest = json.loads(after[f"shards/planted/{form}/manifest.json"])
        for split, shards in manifest["splits"].items():
            for shard in shards:
                data = after[f"shards/planted/{form}/{split}/{shard['file']}"]
                assert (shard["sha256"], shard["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
            assert sum(shard["samples"] for shard in shards) == 2
    removed = read_removed(folder / "shards")
    assert [name for name in (PLANTED, *OTHERS) if is_removed(name, removed)] == [PLANTED]


def test_certificates_are_superseded_and_recorded_digests_follow_the_rows(folder: Path) -> None:
    stranger = contents(folder, "certificates")["certificates/stranger-5.json"]
    take_down(folder)
    after = contents(folder, "certificates")
    assert json.loads(after["certificates/planted-5.json"])["superseded"] == NOW.isoformat(timespec="seconds")
    assert b"Superseded" in after["certificates/planted-5.html"]
    assert after["certificates/stranger-5.json"] == stranger
    recorded, actual = recorded_digests(Workspace.open(folder).snapshot, ["planted"])["planted"]
    assert recorded == actual


def test_stages_see_that_their_inputs_changed(folder: Path) -> None:
    before = Workspace.open(folder).snapshot
    take_down(folder)
    after = Workspace.open(folder).snapshot
    assert (after.number, after.record.stage) == (before.number + 1, "forget")
    bumped = {name for name in after.tables if after.tables[name] != before.tables[name]}
    assert bumped >= {"products", "specs", "media", "duplicates", "splits", "judgements"}


def test_a_second_run_finds_nothing_and_leaves_every_byte(folder: Path) -> None:
    take_down(folder)
    tops = ("tables", "objects", "versions", "shards", "certificates", "receipts", "logs", "prefect")
    before = contents(folder, *tops)
    again = forget(Workspace.open(folder).store, Target("merchant", MERCHANT), clock=now)
    assert (again.is_empty, contents(folder, *tops)) == (True, before)


def test_a_dry_run_foresees_the_receipt_and_changes_nothing(folder: Path) -> None:
    tops = ("tables", "objects", "versions", "shards", "certificates", "logs", "prefect", "reports")
    before = contents(folder, *tops)
    foreseen = forget(Workspace.open(folder).store, Target("merchant", MERCHANT), dry_run=True, clock=now)
    assert contents(folder, *tops) == before
    done = forget(Workspace.open(folder).store, Target("merchant", MERCHANT), clock=now)
    assert (foreseen.rows, foreseen.exports, foreseen.records) == (done.rows, done.exports, done.records)
    receipts = [json.loads(data) for data in contents(folder, "receipts").values()]
    assert receipts == [json.loads(json.dumps(done.as_record()))]


def test_a_persons_own_file_is_named_and_left(folder: Path) -> None:
    own = folder / "feed.jsonl"
    own.write_text(json.dumps({"id": "k7", "url": URL}))
    done = forget(Workspace.open(folder).store, Target("url", URL), clock=now)
    assert done.left == ("feed.jsonl",)
    assert own.is_file()


def test_an_image_is_removed_from_a_product_that_stays(folder: Path) -> None:
    image_url = f"{HOME}/img/k8-1.jpg"
    take_down(folder, "url", image_url)
    assert places_with(folder, [image_url, "/k8-1.jpg"]) == []
    workspace = Workspace.open(folder)
    assert len(workspace.table("products")) == len(NAMES)
    assert [r["url"] for r in workspace.table("media").to_pylist() if r["product_id"] == "shop:k8"] == [
        f"{HOME}/img/k8-0.jpg"
    ]


def crawl_again(workspace: Workspace) -> None:
    """Crawl the same shop again, keeping of each response what the spider would."""
    redact_page = PageRedactor(open_register(workspace.store))
    kept = {}
    with open_frontier(workspace.store, "shop") as connection:
        frontier = Frontier(connection, "shop", NOW.isoformat())
        for url, body in pages().items():
            if redact_page.is_tombstoned(url):
                continue
            task = CrawlTask(url, "page", 3, 1, 0, 0, listed=False)
            found = tuple(Found(url_of(name)) for name in NAMES)
            visit, clean = redact_page(
                Visit(task, "done", found=found), body if isinstance(body, bytes) else body.encode()
            )
            frontier.add(visit.found)
            kept[url] = clean or b""
    store_pages(workspace.store, kept)


def test_it_never_comes_back_on_a_recrawl(folder: Path) -> None:
    take_down(folder)
    workspace = Workspace.open(folder)
    crawl_again(workspace)
    records(workspace)
    assert places_with(folder, WORDS) == []
    assert Workspace.open(folder).table("products")["product_id"].to_pylist() == OTHERS


def test_a_new_url_of_it_is_dropped_with_its_page(folder: Path) -> None:
    take_down(folder)
    workspace = Workspace.open(folder)
    moved = page("k7", "PLANTEDCAPTION again").replace(URL, f"{HOME}/new/7").encode()
    store_pages(workspace.store, {f"{HOME}/new/7": moved})
    report = records(workspace)
    workspace = Workspace.open(folder)
    assert workspace.table("products")["product_id"].to_pylist() == OTHERS
    assert (report.kept, report.dropped) == (len(OTHERS), {"other": 1})
    assert [p for p in places_with(folder, ("PLANTEDCAPTION",), but={"shop.sqlite-wal"}) if "frontiers" not in p] == []
    assert list(workspace.store.verify_objects()) == []


@pytest.mark.parametrize(
    "row",
    [
        {"id": "k7", "url": f"{HOME}/other"},
        {"id": "new", "url": URL},
        {"id": "new", "url": f"{HOME}/other", "merchant": f" {MERCHANT.upper()}"},
    ],
)
def test_a_feed_cannot_bring_it_back(folder: Path, tmp_path: Path, row: dict[str, str]) -> None:
    take_down(folder)
    feed = tmp_path / "feed.jsonl"
    rows = [{"title": "a pot", **row}, {"id": "k5", "url": url_of("k5"), "title": "a pot"}]
    feed.write_text("\n".join(json.dumps(row) for row in rows))
    workspace = Workspace.open(folder)
    report = ingest_stage.run(
        workspace.store, workspace.settings.crawl, feed, source="shop", allow_shrink=True, clock=now
    )
    assert (report.kept, report.dropped) == (1, {"taken_down": 1})
    assert Workspace.open(folder).table("products")["product_id"].to_pylist() == ["shop:k5"]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(("kind", "value"), [("product", "shop:NOPE"), ("merchant", "Nobody"), ("url", f"{HOME}/nope")])
def test_what_does_not_exist_has_nothing_to_remove(folder: Path, kind: TargetKind, value: str, dry_run: bool) -> None:  # noqa: FBT001
    receipt = forget(Workspace.open(folder).store, Target(kind, value), dry_run=dry_run)
    assert receipt.is_empty
    assert [line for line in receipt.lines() if line[0] != "URLs"] == []
