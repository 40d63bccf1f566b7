"""One GTIN in two shops, under other words and images: one group, one side of the splits, one match."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate import matches_stage
from annotate.settings import AnnotateSettings
from core.engine import open_engine
from core.errors import RecipeError
from core.stage import StageReport
from extract.duplicates import FINGERPRINTS, NEW_DUPLICATES, find_pairs, prepare, regroup
from extract.settings import DedupSettings
from splits import Recipe, build
from splits.certificate import certify
from splits.splits_stage import Draw, read_source
from storage import Store
from storage.tables import TABLES
from tests.splits.synthetic import record

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAMPLE = {"kind": "sample", "size": {"share": 1.0}}
RECIPE = Recipe.model_validate_json(
    json.dumps(
        {
            "name": "drawn",
            "require": [],
            "splits": [{**SAMPLE, "name": "train"}, {**SAMPLE, "name": "test", "pool": "reserve"}],
        }
    )
)


@dataclass(frozen=True)
class Listing:
    """One product; its words are its own."""

    id: str
    gtin14: str | None = None
    brand: str | None = None
    mpn: str | None = None


Reserve = Sequence[tuple[str, bool, str | None]]
"""Product, whether it is held out, and its GTIN."""


def _row(listing: Listing) -> dict[str, object]:
    source, _, native = listing.id.partition(":")
    row: dict[str, object] = dict.fromkeys(TABLES["products"].schema.names)
    row |= {"product_id": listing.id, "source": source, "native_id": native, "url": f"https://{source}.test/{native}"}
    row |= {"caption": f"thing {listing.id}", "category": [], "masked": 0, "first_seen": NOON, "last_seen": NOON}
    return row | {"gtin14": listing.gtin14, "brand": listing.brand, "mpn": listing.mpn}


def _open(listings: Sequence[Listing], reserve: Reserve = ()) -> duckdb.DuckDBPyConnection:
    """Return a connection with the tables of a workspace; duplicates are not searched yet."""
    engine = open_engine()
    rows: dict[str, list[dict[str, object]]] = {
        "products": [_row(one) for one in listings],
        "reserve": [
            {"group_id": name, "held_out": held, "since": 1, "gtin14": gtin} for name, held, gtin in sorted(reserve)
        ],
    }
    for name, spec in TABLES.items():
        engine.register("arriving", pa.Table.from_pylist(rows.get(name, []), schema=spec.schema))
        engine.execute(f'CREATE TABLE "{name}" AS FROM arriving')
    return engine


def _grouped(listings: Sequence[Listing], reserve: Reserve = ()) -> duckdb.DuckDBPyConnection:
    """Return a connection with the tables of a workspace after the stage ``dedup``."""
    most = DedupSettings().max_in_group
    with closing(_open(listings)) as engine:
        engine.execute("CREATE TEMP VIEW changed AS SELECT product_id FROM memory.main.products")
        prepare(engine)
        engine.execute(f"CREATE TEMP VIEW fingerprints_now AS {FINGERPRINTS}")
        find_pairs(engine, DedupSettings(), None)
        regroup(engine, most, everything=True)
        duplicates = engine.sql(NEW_DUPLICATES).to_arrow_table()
    engine = _open(listings, reserve)
    engine.register("arriving", duplicates)
    engine.execute("INSERT INTO duplicates BY NAME FROM arriving")
    return engine


def _alone(engine: duckdb.DuckDBPyConnection) -> None:
    """Fill the table ``duplicates`` as if no two products were alike."""
    engine.execute("INSERT INTO duplicates SELECT product_id, product_id, 'alone', true, 1 FROM products")


def _groups(listings: Sequence[Listing]) -> set[frozenset[str]]:
    """Return the groups of more than one product."""
    with closing(_grouped(listings)) as engine:
        found = engine.sql("SELECT list(product_id) FROM duplicates GROUP BY group_id HAVING count(*) > 1").fetchall()
    return {frozenset(members) for (members,) in found}


def _failed(engine: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the failed checks of splits built from the tables; none if they are too few for the recipe."""
    source = read_source(engine, RECIPE, Draw(0.5, "salt", 2))
    try:
        table = build(source.catalogue, RECIPE, seed=3)
    except RecipeError:
        return {}
    for name, rows in {"reserve": source.reserve, **record(table, RECIPE, 3)}.items():
        engine.register("arriving", rows)
        engine.execute(f"INSERT INTO {name} BY NAME FROM arriving")
    certificate = certify(engine, RECIPE, 3, 1, {})
    return {check.name: check.detail for check in certificate.checks if not check.ok}


LAMP, MUG = "04006381333931", "09780471117094"
WORLD = [Listing(f"{shop}:{number:02}", gtin14=f"{number:014}") for shop in "ab" for number in range(20)]
"""Twenty products, each in two shops in other words."""


def test_certificate_finds_one_gtin_on_both_sides() -> None:
    with closing(_open(WORLD)) as engine:
        _alone(engine)
        failed = _failed(engine)
    assert failed.keys() == {"gtins"}
    assert "GTIN 000000000000" in failed["gtins"]


def test_builder_keeps_one_gtin_on_one_side() -> None:
    with closing(_grouped(WORLD)) as engine:
        assert _failed(engine) == {}
        sides = engine.sql(
            "SELECT gtin14, list(DISTINCT split) FROM splits JOIN products USING (product_id) GROUP BY 1"
        )
        assert all(len(splits) == 1 for _, splits in sides.fetchall())


@pytest.mark.parametrize(
    ("one", "other", "groups"),
    [
        (Listing("a:1", LAMP), Listing("b:1", LAMP), 1),
        (Listing("a:1", LAMP), Listing("b:1", MUG), 0),
        (Listing("a:1", LAMP), Listing("b:1"), 0),
        (Listing("a:1", LAMP, "Lumo", "L-10"), Listing("b:1", LAMP, "LUMO GmbH", "l10"), 1),
        (Listing("a:1", LAMP, "Lumo", "L-10"), Listing("b:1", LAMP, "Lumo", "77310"), 1),
        (Listing("a:1", LAMP, "Lumo", "L-10"), Listing("b:1", LAMP, "Tovi", "L-10"), 1),
        (Listing("a:1", LAMP, "Lumo", "L-10"), Listing("b:1", LAMP, "Tovi", "77310"), 0),
    ],
)
def test_pair_with_one_gtin_unless_it_is_contradicted(one: Listing, other: Listing, groups: int) -> None:
    assert len(_groups([one, other])) == groups


def test_gtin_of_many_products_of_one_shop_is_a_placeholder() -> None:
    five = [Listing(f"a:{n}", LAMP) for n in range(5)]
    assert _groups([*five, Listing("b:1", LAMP)]) == {frozenset({"b:1", *(one.id for one in five)})}
    assert _groups([*five, Listing("a:5", LAMP), Listing("b:1", LAMP)]) == set()


def test_group_of_one_gtin_has_no_largest_size() -> None:
    many = [Listing(f"shop{n}:1", LAMP) for n in range(60)]
    assert _groups(many) == {frozenset(one.id for one in many)}


@pytest.mark.parametrize("side", ["reserve", "train"])
def test_new_listing_inherits_the_side_of_one_that_is_gone(side: str) -> None:
    held = side == "reserve"
    with closing(_grouped([Listing("b:1", LAMP)], [("a:1", held, LAMP)])) as engine:
        assert read_source(engine, RECIPE, Draw(0.5, "salt", 2)).reserve.to_pylist() == [
            {"group_id": "b:1", "held_out": held, "since": 2, "gtin14": LAMP}
        ]


def test_known_listing_is_not_trained_on_once_its_gtin_was_held_out() -> None:
    others = [Listing(f"c:{number}") for number in range(9)]
    with closing(_grouped([Listing("b:1", LAMP), *others], [("a:1", True, LAMP), ("b:1", False, None)])) as engine:
        assert _failed(engine) == {}
        assert engine.sql("SELECT split FROM splits WHERE product_id = 'b:1'").fetchall() == [("unused",)]


_listings = st.lists(
    st.builds(
        lambda shop, gtin, brand, mpn: (shop, gtin, brand, mpn),
        st.sampled_from("abc"),
        st.sampled_from((None, LAMP, MUG, "00000096385074", "00036000291452")),
        st.sampled_from((None, "Lumo", "Tovi", "Lumo Tovi")),
        st.sampled_from((None, "L-10", "77310")),
    ),
    min_size=2,
    max_size=24,
).map(lambda drawn: [Listing(f"{shop}:{number:02}", *rest) for number, (shop, *rest) in enumerate(drawn)])


_checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
_searched = settings().max_examples
_usual = settings.get_profile("default").max_examples


@given(
    _listings, st.lists(st.tuples(st.sampled_from(("x:1", "x:2", "a:00")), st.booleans(), st.just(LAMP)), max_size=2)
)
@settings(max_examples=_searched if _searched > _usual else 15, suppress_health_check=_checks, deadline=None)
def test_no_drawn_catalogue_has_a_gtin_on_both_sides(listings: list[Listing], reserve: Reserve) -> None:
    with closing(_grouped(listings, list({name: row for row in reserve for name in row[:1]}.values()))) as engine:
        assert _failed(engine) == {}


def test_matches_of_a_gtin_need_no_annotator(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "shop", buckets=1)
    listings = [Listing("a:1", LAMP), Listing("b:1", LAMP), Listing("c:1", MUG), Listing("d:1", None)]
    with store.stage("records", settings="") as stage:
        stage.write("products", pa.Table.from_pylist([_row(one) for one in listings], schema=TABLES["products"].schema))
        stage.commit(StageReport("records", 0, 0))
    matches_stage.run(store, AnnotateSettings())
    pair = {"posterior": 1.0, "decision": "matched", "votes": 0}
    assert store.snapshot().table("matches").to_pylist() == [
        {"query": "a:1", "candidate": "b:1", **pair},
        {"query": "b:1", "candidate": "a:1", **pair},
    ]
    matches_stage.run(store, AnnotateSettings(gtin_matches=False))
    assert store.snapshot().table("matches").num_rows == 0
