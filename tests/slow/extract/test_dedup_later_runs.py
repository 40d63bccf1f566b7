"""A dedup run over only the changes yields the same result as a run from scratch."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.stage import StageReport
from extract import dedup_stage
from extract.settings import DedupSettings
from storage import Store
from storage.tables import TABLES

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
TIGHT = DedupSettings(max_sharers=3, max_near=4, max_in_group=4)
"""Limits so low that rules about many products apply to a few."""
LONG = "云步 夏季透气网面轻便女士运动鞋 深海蓝 防滑耐磨橡胶大底 城市慢跑步行两用 经典复古系带款式"
CAPTIONS = [
    None,
    "",
    "毛衣",
    LONG,
    f"{LONG}!",
    *(f"{LONG} {word}" for word in ("新款", "包邮", "现货", "热卖", "正品", "特价")),
    LONG.replace("深海蓝", "樱花粉"),
    "山野集 高山绿茶 明前特级手工采摘 罐装 二百五十克 送礼自饮皆宜",
    "山野集 高山绿茶 明前特级手工采摘 罐装 二百五十克 送礼自饮皆好",
]
PHASHES = {"a": 0, "b": 0b111, "c": 0b111111, "d": -1, "e": 0b1}
"""Stored image -> its perceptual hash; a, b, c and e are near each other."""
LINES = [("颜色", "红"), ("颜色", "蓝"), ("尺码", "XL")]

Content = tuple[str | None, tuple[str, ...], tuple[tuple[str, str], ...], tuple[int, ...]]
"""Caption, images, lines of the table, and hashes of a video's frames."""
Feed = dict[str, Content]

CONTENTS = st.tuples(
    st.sampled_from(CAPTIONS),
    st.lists(st.sampled_from(sorted(PHASHES)), max_size=2).map(tuple),
    st.lists(st.sampled_from(LINES), max_size=2).map(tuple),
    st.sampled_from([(), (1, 2, 3, 4), (1, 2, 3, 5), (9, 8, 7, 6)]),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["north", "south"]),
        st.dictionaries(st.sampled_from([str(number) for number in range(9)]), st.none() | CONTENTS, max_size=6),
    ),
    min_size=2,
    max_size=4,
)
"""Source, and its changed products; None: the product is removed."""


def rows_of(name: str, content: Content) -> dict[str, list[dict[str, Any]]]:
    caption, images, lines, frames = content
    source, native_id = name.split(":")
    product: dict[str, Any] = {
        "source": source,
        "native_id": native_id,
        "url": "u",
        "caption": caption,
        "category": [],
        "masked": 0,
    }
    of_image = {"width": 9, "height": 9, "size_group": "small", "sharpness": 1.0, "blank_share": 0.1}
    of_image |= {"border_share": 0.0, "margin_detail": 0.0}
    of_frame = {"video_sha256": f"v{frames}", "width": 9, "height": 9, "object": "o", "offset": 0, "length": 1}
    found: dict[str, list[dict[str, Any]]] = {
        "products": [product | {"first_seen": NOON, "last_seen": NOON}],
        "specs": [{"position": place, "property": line[0], "value": line[1]} for place, line in enumerate(lines)],
        "media": [
            {"kind": "image", "position": place, "url": "u", "state": "ok", "attempts": 1, "sha256": sha}
            for place, sha in enumerate(images)
        ],
        "images": [
            of_image | {"position": place, "sha256": sha, "phash": PHASHES[sha], "pixels": f"p{sha}"}
            for place, sha in enumerate(images)
        ],
        "frames": [
            of_frame | {"second": second, "pts_s": float(second), "phash": phash} for second, phash in enumerate(frames)
        ],
    }
    return {table: [{**row, "product_id": name} for row in rows] for table, rows in found.items()}


def fill(store: Store, feed: Mapping[str, Content], within: list[str] | None = None) -> None:
    products = [rows_of(name, content) for name, content in feed.items()]
    with store.stage("records", settings="test") as stage:
        for table in ("products", "specs", "media", "images", "frames"):
            rows = [row for product in products for row in product[table]]
            full = [dict.fromkeys(TABLES[table].schema.names) | row for row in rows]
            stage.write(table, pa.Table.from_pylist(full, schema=TABLES[table].schema), within=within)
        stage.commit(StageReport("records", 0, 0))


def result(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Return the tables of dedup, with each group named after its smallest product."""
    snapshot = store.snapshot()
    found = {name: snapshot.table(name).to_pylist() for name in ("duplicates", "duplicate_pairs", "fingerprints")}
    first: dict[str, str] = {}
    for row in found["duplicates"]:
        row["group_id"] = first.setdefault(row["group_id"], row["product_id"])
    rejects = snapshot.table("rejects", only=["dedup"])
    return {**found, "rejects": rejects.to_pylist()}


def from_nothing(feed: Feed) -> dict[str, list[dict[str, Any]]]:
    with TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "shop", buckets=2)
        fill(store, feed)
        dedup_stage.run(store, TIGHT, clock=lambda: NOON)
        return result(store)


@given(steps=STEPS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_later_runs_give_what_a_run_from_nothing_gives(steps: list[tuple[str, dict[str, Content | None]]]) -> None:
    feeds: dict[str, Feed] = {"north": {}, "south": {"south:one": (LONG, ("a",), (), (1, 2, 3, 4))}}
    with TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "shop", buckets=2)
        fill(store, feeds["south"])
        dedup_stage.run(store, TIGHT, clock=lambda: NOON)
        for source, changes in steps:
            named = {f"{source}:{name}": content for name, content in changes.items()}
            stay = {name: content for name, content in feeds[source].items() if name not in named}
            feeds[source] = stay | {name: content for name, content in named.items() if content}
            fill(store, feeds[source], within=[f"{source}:"])
            dedup_stage.run(store, TIGHT, clock=lambda: NOON)
        assert result(store) == from_nothing({**feeds["north"], **feeds["south"]})
