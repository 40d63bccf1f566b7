"""The questions of docs/questions.md, asked of a small synthetic workspace; full answers are worked out by hand."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from bench.store.questions import questions
from core.records import Reject
from core.stage import StageReport
from storage import Store
from storage.tables import TABLES
from tests.storage.synthetic import medium, product, table

LABELS = [("a", 1, "RemoteWorkspace", 10, "Cups"), ("b", 1, "RemoteWorkspace", 10, "Cups"), ("c", 2, "Food", 20, "Tea")]
SPECS = [
    ("north:N10049", 0, "净含量", "25 ml"),
    ("north:N10049", 1, "净含量", "红"),
    ("s:a", 0, "净含量", "75 ml"),
    ("s:a", 1, "净含量", "25"),
    ("s:b", 0, "材质", "25 ml"),
]
ANSWERS: dict[int, list[tuple[object, ...]]] = {
    1: [("净含量", 4), ("材质", 1)],
    2: [(0, "净含量", "25 ml"), (1, "净含量", "红")],
    3: [("25", 1), ("25 ml", 1), ("75 ml", 1), ("红", 1)],
    4: [("净含量", 4, 4), ("材质", 1, 1)],
    5: [("ml", 2, 25.0, 50.0, 75.0), (None, 1, 25.0, 25.0, 25.0)],
    6: [("m2", 2), ("m1", 1)],
    7: [(10, "Cups", 2), (20, "Tea", 1)],
    8: [
        ("no_image_on_page", "present", "present", "no_video", "no_video", 3),
        ("present", "present", "no_specs", "no_video", "no_video", 1),
    ],
    9: [("s:a", 2, 2)],
    10: [("demo", "query-c", "query", 1, 1), ("demo", "train", "sample", 2, 2)],
    11: [("Food", "CNY", 1, 30.0), ("RemoteWorkspace", "CNY", 2, 15.0)],
    12: [("records", "no_id", 2, "p1"), ("records", "bad_url", 1, "p3")],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.create(tmp_path_factory.mktemp("questions") / "workspace", buckets=4)
    listed = [("a", 10, "m1"), ("b", 20, "m2"), ("c", 30, "m2"), ("north:N10049", None, None)]
    rows = [
        product(name if ":" in name else f"s:{name}")
        | {"price": price and Decimal(price), "currency": price and "CNY", "merchant": merchant}
        for name, price, merchant in listed
    ]
    with store.stage("records", settings="") as stage:
        stage.write("products", table("products", rows))
        blank = dict.fromkeys(("property_norm", "value_norm", "unit"))
        names = ("product_id", "position", "property", "value")
        stage.write("specs", table("specs", [blank | dict(zip(names, line, strict=True)) for line in SPECS]))
        stage.write("media", table("media", [medium("s:c", "image", 0)]))
        stage.write("labels", table("labels", [_label(*row) for row in LABELS]))
        stage.write(
            "duplicates", table("duplicates", [_duplicate(*row) for row in (("a", "a"), ("b", "a"), ("c", "c"))])
        )
        stage.write(
            "splits", table("splits", [_sample(*r) for r in (("a", "train"), ("b", "train"), ("c", "query-c"))])
        )
        stage.reject([Reject("p1", "no_id"), Reject("p2", "no_id"), Reject("p3", "bad_url")])
        stage.commit(StageReport("records", 4, 4))
    yield store
    store.objects.close()


def _label(name: str, class_id: int, class_name: str, sub: int, sub_name: str) -> dict[str, object]:
    row = {"product_id": f"s:{name}", "class_id": class_id, "class_name": class_name, "sub_class_id": sub}
    return row | {"sub_class_name": sub_name, "subsub_class_id": -1, "subsub_class_name": ""}


def _duplicate(name: str, group: str) -> dict[str, object]:
    size = 2 if group == "a" else 1
    return {"product_id": f"s:{name}", "group_id": f"s:{group}", "rule": "near_text", "kept": True, "size": size}


def _sample(name: str, split: str) -> dict[str, object]:
    role = "query" if split == "query-c" else "sample"
    row = {"recipe": "demo", "split": split, "product_id": f"s:{name}", "role": role, "label": f"s:{name}"}
    return row | {"label_level": "sub_class", "group_id": f"s:{name}", "image_position": 0}


def test_there_are_twelve() -> None:
    assert [int(heading.partition(".")[0]) for heading in questions()] == list(range(1, 13))


@pytest.mark.parametrize("number", range(1, 13))
def test_each_question_has_its_answer(store: Store, number: int) -> None:
    query = list(questions().values())[number - 1]
    rows = store.snapshot().sql(query).to_pylist()
    assert [tuple(row.values()) for row in rows] == ANSWERS[number]


def test_every_table_and_view_says_what_it_and_its_columns_mean(store: Store) -> None:
    query = "SELECT DISTINCT table_name FROM duckdb_columns() WHERE NOT internal AND comment IS NOT NULL ORDER BY 1"
    names = [row["table_name"] for row in store.snapshot().sql(query).to_pylist()]
    views = ("catalogue", "ledger", "product_targets", "product_text", "same_products", "spec_numbers", "spec_values")
    assert names == sorted([*TABLES, *views, "tags"])
    unsaid = store.snapshot().sql("FROM duckdb_columns() WHERE NOT internal AND comment IS NULL")
    assert unsaid.num_rows == 0
    untold = store.snapshot().sql("FROM duckdb_views() WHERE NOT internal AND comment IS NULL")
    assert untold.num_rows == 0
