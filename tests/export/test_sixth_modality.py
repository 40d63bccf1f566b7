"""A modality is one registration: the ledger, both kinds of shard, the metadata and the reader follow from it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from export import read_samples
from m5data.modalities import TEXT_FEATURE, Column, LedgerEntry, Member, Modality, modalities, register, unregister
from storage import Store
from storage.tar import read_members
from tests.export.test_export_stage import export

REVIEWS = Modality(
    name="reviews",
    meaning="reviews",
    ledger=LedgerEntry(
        "reviews",
        "present, or no_reviews",
        "CASE WHEN reviews.product_id IS NULL THEN 'no_reviews' ELSE 'present' END",
        "LEFT JOIN (SELECT DISTINCT product_id FROM specs WHERE property = '颜色') reviews "
        "ON reviews.product_id = p.product_id",
    ),
    is_present=lambda sample: bool(sample.more["reviews"]),
    present_sql="reviews",
    select={"reviews": "reviews.texts"},
    tables={
        "reviews": "select product_id, list(value order by position) as texts "
        "from specs join chosen using (product_id) where property = '颜色' group by 1"
    },
    facts=lambda row: {"reviews": tuple(row["reviews"] or ())},
    columns=(
        Column(
            "reviews",
            pa.list_(pa.string()),
            {"feature": TEXT_FEATURE, "_type": "List"},
            lambda sample, _: list(sample.more["reviews"]),
            "sc:Text",
        ),
    ),
    members=(Member("reviews.txt", lambda sample: ["\n".join(sample.more["reviews"]).encode()]),),
    json=lambda sample: {"reviews": list(sample.more["reviews"])},
)
"""Stands for text of reviews; the synthetic workspace keeps one as a specification."""


@pytest.fixture(autouse=True)
def six() -> Iterator[None]:
    register(REVIEWS)
    yield
    unregister("reviews")


def test_the_ledger_has_its_column(store: Store) -> None:
    rows = store.snapshot().sql("select * from ledger order by product_id").to_pylist()
    assert list(rows[0])[-2:] == ["reviews", "modalities"]
    assert [row["reviews"] for row in rows] == ["present", "no_reviews", "no_reviews"]
    assert [row["modalities"] for row in rows] == [6, 1, 1]


def test_the_reader_gives_it(store: Store) -> None:
    samples = {one.product_id: one for one in read_samples(store.objects, store.snapshot(), "train", "demo")}
    assert samples["shop:1"].more["reviews"] == ("红",)
    assert samples["shop:1"].present == dict.fromkeys((one.name for one in modalities()), True)
    assert not samples["shop:2"].present["reviews"]


def test_shards_and_their_descriptions_hold_it(store: Store) -> None:
    folder = export(store)
    table = pq.read_table(sorted((folder / "parquet" / "train").glob("*.parquet")))
    reviews = dict(zip(table["product_id"].to_pylist(), table["reviews"].to_pylist(), strict=True))
    assert reviews == {"shop:1": ["红"], "shop:2": []}
    assert {text for text, _ in _webdataset(folder)} == {"红", ""}
    assert all(facts["present"]["reviews"] == bool(text) for text, facts in _webdataset(folder))
    fields = json.loads((folder / "croissant.json").read_text())["recordSet"][0]["field"]
    assert {"name": "reviews", "dataType": "sc:Text"}.items() <= fields[-1].items()
    assert "Products with six modalities" in (folder / "README.md").read_text()
    assert json.loads((folder / "manifest.json").read_text())["modalities"][-1] == "reviews"


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="'reviews' is registered already"):
        register(REVIEWS)


def _webdataset(folder: Path) -> list[tuple[str, dict[str, dict[str, bool]]]]:
    """Return the review text and the facts of each sample."""
    samples: dict[tuple[Path, str], dict[str, bytes]] = {}
    for path in sorted((folder / "webdataset" / "train").glob("*.tar")):
        for member in read_members(path):
            samples.setdefault((path, member.sample), {})[member.extension] = member.read()
    return [(sample["reviews.txt"].decode(), json.loads(sample["json"])) for sample in samples.values()]
