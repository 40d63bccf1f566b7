"""Counts of large selections are estimated from a sample; their products are exact."""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

import pytest

from core.stage import StageReport
from storage import Store
from tests.export.synthetic import product, rows
from webapp.catalogue import explore as exploring
from webapp.catalogue import sampling
from webapp.catalogue.explore import PAGE, Overview, explore
from webapp.catalogue.index import CurrentIndex
from webapp.catalogue.selection import Selection
from webapp.selection_routes import map_points

PRODUCTS = 800
STEP = 8


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CurrentIndex]:
    """Return an index of 800 pots, every third one red in its specifications and every hundredth one rare."""
    store = Store.create(tmp_path_factory.mktemp("many") / "workspace", buckets=2)
    names = [f"shop:{n:04}" for n in range(PRODUCTS)]
    with store.stage("fill", settings="") as stage:
        listings = [
            {**product(n, f"pot{' rare' if n % 100 == 5 else ''}"), "product_id": name, "price": PRODUCTS - n}
            for n, name in enumerate(names)
        ]
        stage.write("products", rows("products", *listings))
        lines = [{"product_id": one, "position": 0, "property": "colour", "value": "red"} for one in names[::3]]
        stage.write("specs", rows("specs", *lines))
        stage.commit(StageReport("fill", PRODUCTS, PRODUCTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "SAMPLED", PRODUCTS // STEP)
        patch.setattr(exploring, "ENOUGH", 10)
        made = CurrentIndex(store.snapshot, store.state)
        yield made
        made.close()


@pytest.fixture
def found(index: CurrentIndex) -> Callable[[str], Overview]:
    def find(query: str) -> Overview:
        with index.reading() as engine:
            return explore(engine, Selection.parse(parse_qsl(query, keep_blank_values=True)))

    return find


@pytest.mark.parametrize(
    ("query", "least", "most", "first", "stride"),
    [
        ("q=pot", 800, 800, 0, 1),
        ("q=POT&page=2", 800, 800, 24, 1),
        ("q=pot&sort=price", 800, 800, 799, -1),
        ("q=red", 240, 300, 0, 3),
        ("p.colour=red&source=shop", 240, 300, 0, 3),
        ("q=pot&price=..400", 400, 400, 400, 1),
    ],
)
def test_counts_are_estimates_and_the_page_is_exact(
    found: Callable[[str], Overview], query: str, least: int, most: int, first: int, stride: int
) -> None:
    overview = found(query)
    assert overview.step == STEP
    assert least <= overview.count <= most
    shop = next(facet for facet in overview.facets if facet.name == "source")
    assert shop.values[0].count == overview.count
    names = [f"shop:{first + stride * n:04}" for n in range(PAGE)]
    assert [card.product_id for card in overview.cards] == names


def test_a_small_selection_is_counted_and_so_is_one_that_the_sample_misses(found: Callable[[str], Overview]) -> None:
    assert [(one.step, one.count) for one in (found(""), found("source=shop&price=..100"))] == [(1, 800), (1, 100)]
    overview = found("q=rare")
    assert (overview.step, overview.count) == (1, 8)
    assert [card.product_id for card in overview.cards] == [f"shop:{n:04}" for n in range(5, PRODUCTS, 100)]


def test_the_map_shows_products_of_the_sample(index: CurrentIndex) -> None:
    with index.reading(mapped=True) as engine:
        shown = map_points(engine, Selection.parse([("q", "pot")]), "source")
    assert (shown["count"], shown["estimated"]) == (PRODUCTS, True)
    assert len(shown["points"]) == PRODUCTS // STEP


def test_counts_are_rounded_to_three_digits() -> None:
    assert [exploring.rounded(n, 2) for n in (0, 7, 1234, 340_523)] == [0, 14, 2470, 681_000]
    assert exploring.rounded(1234, 1) == 1234
