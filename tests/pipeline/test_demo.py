"""The demo run from the command line, compared with the truth of its shops; ``tests/slow`` has 200 products."""

import gc
import json
import subprocess
import sys
import warnings
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import webdataset as wds

import m5data
from demo_shops.shops import Shops
from demo_shops.truth import Truth
from workspace import Workspace

PROGRAM = Path(sys.executable).parent / "m5data"
LEDGER_NAMES = {"image": "image", "caption": "text", "specifications": "table", "video": "video", "audio": "audio"}


@dataclass(frozen=True)
class Demo:
    """A finished demo and its expected content."""

    folder: Path
    printed: str
    workspace: Workspace
    truth: Truth


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return made_of("tiny", tmp_path_factory.mktemp("demo") / "demo")


def made_of(size: str, folder: Path) -> Demo:
    """Run the demo with shops of a size."""
    words: list[str | Path] = [PROGRAM, "demo", folder, "--size", size]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    workspace = m5data.open(folder)
    sources = workspace.settings.crawl.sources
    base_urls = {name: "{0.scheme}://{0.netloc}".format(urlsplit(shop.start[0])) for name, shop in sources.items()}
    return Demo(folder, done.stdout, workspace, Shops.open(folder).truth(base_urls))  # type: ignore[arg-type]


def bare_in_few_pages(demo: Demo) -> set[str]:
    """Return the products without images if there are too few pages to learn which images show other products."""
    few = Shops.open(demo.folder).size == "tiny"
    images = {one.product_id for one in demo.truth.products if any(medium.kind == "image" for medium in one.media)}
    return {one.product_id for one in demo.truth.products if few} - images


def rows(demo: Demo, query: str) -> list[dict[str, object]]:
    answer: list[dict[str, object]] = demo.workspace.sql(query).to_pylist()
    return answer


def test_every_product_is_read_as_it_was_published(demo: Demo) -> None:
    specs = {
        product: [(row["property"], row["value"]) for row in group]
        for product, group in groupby(rows(demo, "from specs order by product_id, position"), lambda r: r["product_id"])
    }
    read = {
        row["product_id"]: (
            row["url"], row["caption"], tuple(row["category"]), row["brand"], row["price"], row["currency"],
            row["availability"], row["mpn"], row["masked"], specs.get(row["product_id"], []),
        )
        for row in demo.workspace.table("products").to_pylist()
    }  # fmt: skip
    published = {
        one.product_id: (
            one.record.url, one.record.caption, one.record.category, one.record.brand, one.record.price,
            one.record.currency, one.record.availability, one.record.mpn, one.record.masked,
            [(spec.property, spec.value) for spec in one.record.specs],
        )
        for one in demo.truth.products
    }  # fmt: skip
    assert read == published


def test_every_address_that_is_no_product_is_dropped_for_its_reason(demo: Demo) -> None:
    dropped = rows(
        demo, "select item, reason from rejects where stage in ('crawl', 'records') and reason != 'redirect'"
    )
    expected = {(drop.url, drop.reason) for drop in demo.truth.drops}
    expected |= {(url, "listing" if "/c/" in url else "other") for url in demo.truth.navigation}
    assert {(row["item"], row["reason"]) for row in dropped} == expected


def test_every_medium_ends_as_it_must(demo: Demo) -> None:
    media = rows(demo, "select product_id, kind, position, url, coalesce(reason, state) as outcome from media")
    unclear = bare_in_few_pages(demo)
    assert {tuple(row.values()) for row in media if row["product_id"] not in unclear or row["kind"] == "video"} == {
        (one.product_id, medium.kind, medium.position, medium.url, medium.outcome)
        for one in demo.truth.products
        for medium in one.media
        if one.product_id not in unclear or medium.kind == "video"
    }


def test_every_second_of_every_video_has_its_frame_and_audio(demo: Demo) -> None:
    videos = [
        (one.product_id, m) for one in demo.truth.products for m in one.media if m.kind == "video" and m.outcome == "ok"
    ]
    frames = rows(demo, "select product_id, second, pts_s from frames")
    assert {(row["product_id"], row["second"]) for row in frames} == {(p, s) for p, m in videos for s in m.seconds}
    assert all(0 <= float(str(row["pts_s"])) - int(str(row["second"])) < 1 / 24 for row in frames)
    audio = rows(demo, "select product_id from audio")
    assert {row["product_id"] for row in audio} == {product for product, medium in videos if medium.audio}


def test_the_ledger_tells_which_modalities_each_product_has(demo: Demo) -> None:
    ledger = rows(demo, "from ledger")
    found = {
        row["product_id"]: {LEDGER_NAMES[name] for name in LEDGER_NAMES if row[name] == "present"} for row in ledger
    }
    for product in bare_in_few_pages(demo):
        found[product].discard("image")
    assert found == {one.product_id: set(one.modalities) for one in demo.truth.products}
    assert set.union(*found.values()) == {"image", "text", "table", "video", "audio"}


def test_exact_duplicates_are_dropped_but_for_one(demo: Demo) -> None:
    groups = rows(
        demo, "select list(product_id order by product_id) as ids from duplicates where kept group by group_id"
    )
    kept = {product for row in groups for product in row["ids"]}  # type: ignore[attr-defined]
    pairs = [set(group) for group in (*demo.truth.exact_content, *demo.truth.exact_text)]
    assert [group for group in pairs if len(group & kept) > 1] == []
    assert {one.product_id for one in demo.truth.products} - kept <= set.union(*pairs)


def test_categories_are_aligned_as_the_rule_says(demo: Demo) -> None:
    labels = rows(
        demo,
        "select source, category[1] as one, category[2] as two, sub_class_id from label_map where len(category) > 1",
    )
    groups: dict[object, set[tuple[object, ...]]] = {}
    for row in labels:
        groups.setdefault(row["sub_class_id"], set()).add((row["source"], row["one"], row["two"]))
    assert sorted(map(sorted, groups.values())) == sorted(sorted(set(group)) for group in demo.truth.alignment.merged)


def test_the_majority_finds_the_true_matches(demo: Demo) -> None:
    matches = rows(demo, "select query, candidate, decision from matches")
    assert {tuple(row.values()) for row in matches} == {
        (pair.query, pair.candidate, "matched" if pair.same else "mismatched") for pair in demo.truth.pairs
    }


def test_every_split_of_the_recipe_holds_products(demo: Demo) -> None:
    sizes = {row["split"]: row["n"] for row in rows(demo, "select split, count(*) as n from splits group by 1")}
    retrieval = {"gallery-c", "query-c", "gallery-fg", "query-fg"}
    wanted = {"train", "subset", "classification-train", "classification-test"} | retrieval
    assert [name for name in wanted if not sizes.get(name)] == []


def test_every_product_of_every_split_is_in_its_shards(demo: Demo) -> None:
    splits = rows(
        demo, "select split, list(product_id order by product_id) as ids from splits where split != 'unused' group by 1"
    )
    for row in splits:
        shards = sorted(str(path) for path in demo.folder.glob(f"shards/demo/webdataset/{row['split']}/*.tar"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # webdataset leaves files to the garbage collector
            facts = [json.loads(sample["json"]) for sample in wds.WebDataset(shards, shardshuffle=False)]
            gc.collect()
        assert sorted(fact["product_id"] for fact in facts) == row["ids"]
        assert {fact["licence"] for fact in facts} == {"CC0-1.0"}


def test_no_merchant_and_no_contact_detail_is_in_any_table(demo: Demo) -> None:
    words = {one.merchant for one in demo.truth.products} | {c for one in demo.truth.products for c in one.contacts}
    text = "\n".join(str(demo.workspace.table(name).to_pydict()) for name in demo.workspace.snapshot.tables)
    assert [word for word in words if word in text] == []


def test_verify_proves_the_splits_and_every_object(demo: Demo) -> None:
    done = subprocess.run(
        [PROGRAM, "verify", "--objects", "--json", "-w", demo.folder], capture_output=True, text=True, check=False
    )
    checks = json.loads(done.stdout)
    assert [check for check in checks if not check["ok"]] == []
    assert done.returncode == 0
    assert len(checks) > 10


def test_it_prints_the_stages_the_drops_and_where_to_look(demo: Demo) -> None:
    for words in ("crawl", "export", "http_404", "robots", "opt_out", "report.html"):
        assert words in demo.printed


def test_a_second_run_does_no_work_and_says_so(demo: Demo) -> None:
    version = demo.workspace.store.snapshot().number
    done = subprocess.run([PROGRAM, "run", "-w", demo.folder], capture_output=True, text=True, check=False, timeout=480)
    assert done.returncode == 0, done.stderr
    assert "no work done" in done.stdout
    assert demo.workspace.store.snapshot().number == version
