from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MissingInputError
from core.stage import SilentProgress, StageReport
from extract import dedup_stage
from extract.settings import DedupSettings
from storage import Store
from storage.tables import TABLES

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
SETTINGS = DedupSettings()
RED = [("颜色", "红"), ("尺码", "XL")]
BLUE = [("颜色", "蓝")]

Content = tuple[str | None, list[str | None], list[tuple[str, str]]]
"""Caption, objects of images, lines of the table."""
Listings = dict[str, Content]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "shop", buckets=3)


def product(name: str, caption: str | None) -> dict[str, Any]:
    source, native_id = name.split(":")
    empty = dict.fromkeys(TABLES["products"].schema.names)
    return {
        **empty,
        "product_id": name,
        "source": source,
        "native_id": native_id,
        "url": f"http://{source}.test/{native_id}",
        "caption": caption,
        "category": ["鞋"],
        "masked": 0,
        "first_seen": NOON,
        "last_seen": NOON,
    }


def image(name: str, position: int, sha256: str | None) -> dict[str, Any]:
    empty = dict.fromkeys(TABLES["media"].schema.names)
    return {
        **empty,
        "product_id": name,
        "kind": "image",
        "position": position,
        "url": f"http://{name}/{position}.jpg",
        "state": "ok" if sha256 else "failed",
        "reason": None if sha256 else "http_404",
        "attempts": 1,
        "sha256": sha256,
    }


def spec(name: str, position: int, line: tuple[str, str]) -> dict[str, Any]:
    empty = dict.fromkeys(TABLES["specs"].schema.names)
    return {**empty, "product_id": name, "position": position, "property": line[0], "value": line[1]}


def fill(store: Store, listings: Listings, within: list[str] | None = None) -> None:
    rows = {
        "products": [product(name, caption) for name, (caption, _, _) in listings.items()],
        "media": [image(name, i, sha) for name, (_, images, _) in listings.items() for i, sha in enumerate(images)],
        "specs": [spec(name, i, line) for name, (_, _, lines) in listings.items() for i, line in enumerate(lines)],
    }
    with store.stage("records", settings="test") as stage:
        for table, content in rows.items():
            stage.write(table, pa.Table.from_pylist(content, schema=TABLES[table].schema), within=within)
        stage.commit(StageReport("records", 0, 0))


LISTINGS: Listings = {
    "n:1": ("红鞋 包邮", ["a", "b"], RED),
    "n:2": ("红色女鞋", ["b", "a", None], RED),  # the images and the table of n:1
    "n:3": ("红鞋　包邮", ["c"], list(reversed(RED))),  # the caption and the table of n:1, another image
    "n:4": ("红鞋 包邮", ["a", "b"], BLUE),  # a variant with the same images
    "s:1": ("毛衣", ["d"], []),
    "s:0": ("毛衣！", ["d"], []),
    "s:2": ("毛衣", ["d"], []),
    "s:3": (None, [], []),
    "s:4": (None, [], []),
}


def test_whole_result(store: Store) -> None:
    fill(store, LISTINGS)
    report = dedup_stage.run(store, SETTINGS, clock=lambda: NOON)
    assert report == StageReport("dedup", read=9, kept=7, dropped={"exact_duplicate": 2})
    snapshot = store.snapshot()
    duplicates = snapshot.table("duplicates")
    assert [tuple(row.values()) for row in duplicates.to_pylist()] == [
        ("n:1", "n:1", "exact_content", True, 3),
        ("n:2", "n:1", "exact_content", False, 3),
        ("n:3", "n:1", "near_text", True, 3),
        ("n:4", "n:4", "alone", True, 1),
        ("s:0", "s:0", "alone", True, 1),
        ("s:1", "s:1", "exact_content", True, 2),
        ("s:2", "s:1", "exact_content", False, 2),
        ("s:3", "s:3", "alone", True, 1),
        ("s:4", "s:4", "alone", True, 1),
    ]
    assert [tuple(row.values()) for row in snapshot.table("duplicate_pairs").to_pylist()] == [
        ("n:1", "n:2", "exact_content", 0.0, True),
        ("n:1", "n:3", "near_text", 0.0, True),
        ("s:1", "s:2", "exact_content", 0.0, True),
    ]
    assert [tuple(row.values()) for row in snapshot.table("rejects").to_pylist()] == [
        ("dedup", "n:2", "exact_duplicate", "same as n:1 by exact_content"),
        ("dedup", "s:2", "exact_duplicate", "same as s:1 by exact_content"),
    ]


CONTENTS = st.tuples(
    st.sampled_from([None, "红鞋 包邮", "红鞋　包邮", "蓝鞋"]),
    st.lists(st.sampled_from("ab"), max_size=2),
    st.lists(st.sampled_from([*RED, *BLUE]), max_size=2),
)


@given(contents=st.lists(CONTENTS, min_size=2, max_size=7))
@settings(max_examples=5, deadline=None)
def test_what_is_kept_has_no_exact_duplicates_left(contents: list[Content]) -> None:
    """Deduplicating the kept products again drops nothing and leaves the groups unchanged."""
    listings = {f"n:{number}": content for number, content in enumerate(contents)}
    report, groups = deduplicated(listings)
    again, same = deduplicated({name: listings[name] for name in groups})
    assert (again.read, again.kept, same) == (report.kept, report.kept, groups)


def deduplicated(listings: Listings) -> tuple[StageReport, dict[str, str]]:
    """Return the report, and the group of each kept product."""
    with TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "shop", buckets=1)
        fill(store, listings)
        report = dedup_stage.run(store, SETTINGS, clock=lambda: NOON)
        rows = store.snapshot().table("duplicates").to_pylist()
        return report, {row["product_id"]: row["group_id"] for row in rows if row["kept"]}


def test_groups_do_not_depend_on_earlier_runs_and_keep_their_names(store: Store) -> None:
    """n:1, after which its group is named, disappears; a smaller product joins; n:1 returns with another caption."""
    without = {name: content for name, content in LISTINGS.items() if name != "n:1"}
    more: Listings = {"a:1": ("红鞋 包邮", ["c"], RED), "s:9": ("毛衣", ["d"], [])}
    steps: list[Listings] = [LISTINGS, without, {**without, **more}, {**LISTINGS, **more, "n:1": ("别的", ["z"], BLUE)}]
    names = []
    for listings in steps:
        fill(store, listings)
        dedup_stage.run(store, SETTINGS, clock=lambda: NOON)
        names.append(groups_of(store))
        assert parts(names[-1]) == parts(groups_afresh(listings))
    assert [run.get("n:3") for run in names] == ["n:1", "n:3", "n:3", "n:3"]
    assert [run["n:2"] for run in names] == ["n:1", "n:1", "n:1", "n:1"]
    assert [run["s:2"] for run in names] == ["s:1"] * 4
    assert names[2]["a:1"] == "n:3"
    assert names[3]["n:1"] not in {names[3][name] for name in names[3] if name != "n:1"}


def groups_of(store: Store) -> dict[str, str]:
    rows = store.snapshot().table("duplicates").to_pylist()
    return {row["product_id"]: row["group_id"] for row in rows}


def groups_afresh(listings: Listings) -> dict[str, str]:
    with TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "shop", buckets=1)
        fill(store, listings)
        dedup_stage.run(store, SETTINGS, clock=lambda: NOON)
        return groups_of(store)


def parts(groups: dict[str, str]) -> set[frozenset[str]]:
    return {frozenset(name for name in groups if groups[name] == group) for group in groups.values()}


def test_second_run_over_the_same_input_does_nothing(store: Store) -> None:
    fill(store, LISTINGS)
    report = dedup_stage.run(store, SETTINGS, clock=lambda: NOON)
    version = store.snapshot().number
    again = dedup_stage.run(store, SETTINGS, clock=lambda: NOON)
    assert again == StageReport(report.stage, report.read, report.kept, report.dropped, unchanged=True)
    assert store.snapshot().number == version


class Totals(SilentProgress):
    """A progress sink that records the number of products of each run."""

    def __init__(self) -> None:
        self.totals: list[int | None] = []

    def start(self, name: str, total: int | None) -> None:
        self.totals.append(total)


def test_later_run_looks_at_what_has_changed_alone(store: Store) -> None:
    """A run from scratch gives the same groups; if settings or the stage's tables change, all products are read."""
    fill(store, LISTINGS)
    seen = Totals()
    dedup_stage.run(store, SETTINGS, clock=lambda: NOON, progress=seen)
    more: Listings = {"t:1": ("毛衣", ["d"], []), "t:2": ("红鞋 包邮", ["a", "b"], BLUE)}
    fill(store, more, within=["t:"])
    dedup_stage.run(store, SETTINGS, clock=lambda: NOON, progress=seen)
    assert parts(groups_of(store)) == parts(groups_afresh({**LISTINGS, **more}))
    fill(store, {"t:1": ("别的", ["z"], [])}, within=["t:"])
    dedup_stage.run(store, SETTINGS, clock=lambda: NOON, progress=seen)
    assert parts(groups_of(store)) == parts(groups_afresh({**LISTINGS, "t:1": ("别的", ["z"], [])}))
    dedup_stage.run(store, DedupSettings(max_sharers=49), clock=lambda: NOON, progress=seen)
    with store.stage("other", settings="") as stage:
        stage.write("fingerprints", stage.before.table("fingerprints").slice(1))
        stage.commit(StageReport("other", 0, 0))
    dedup_stage.run(store, DedupSettings(max_sharers=49), clock=lambda: NOON, progress=seen)
    assert seen.totals == [9, 2, 2, 10, 10]


def test_changed_listing_leaves_its_group(store: Store) -> None:
    fill(store, LISTINGS)
    dedup_stage.run(store, SETTINGS, clock=lambda: NOON)
    fill(store, {**LISTINGS, "n:1": ("别的", ["z"], BLUE)})
    report = dedup_stage.run(store, SETTINGS, clock=lambda: NOON)
    assert report == StageReport("dedup", read=9, kept=8, dropped={"exact_duplicate": 1})
    assert store.snapshot().table("duplicates", ["group_id"]).to_pydict() == {
        "group_id": ["n:1", "n:2", "n:3", "n:4", "s:0", "s:1", "s:1", "s:3", "s:4"]
    }


def test_no_products_have_no_duplicates(store: Store) -> None:
    fill(store, {"n:1": ("红鞋", [], [])})
    fill(store, {})
    assert dedup_stage.run(store, SETTINGS, clock=lambda: NOON) == StageReport("dedup", 0, 0)
    assert store.snapshot().table("duplicates").num_rows == 0


def test_time_comes_from_the_clock(store: Store) -> None:
    fill(store, LISTINGS)
    ticks = count()
    report = dedup_stage.run(store, SETTINGS, clock=lambda: NOON + timedelta(seconds=3 * next(ticks)))
    assert report.seconds == 3


def test_stage_before_is_missing(store: Store) -> None:
    with pytest.raises(MissingInputError, match=r"dedup: there is no table products yet\. Run m5data crawl first"):
        dedup_stage.run(store, SETTINGS)
