"""Agreement of captions and tables on planted swaps: AUC of separating swapped captions from the products' own.

python -m bench.extract.agreement

Captions are swapped between different products of the same shop and sub-class. The demo's two
shops are synthetic, and so is the larger catalogue, whose captions state few facts, some of
them in other words. All figures are means over seeds.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import duckdb
import numpy as np
from scipy.stats import rankdata

from demo_shops.plan import make_plan
from extract.text.agreement import make_agreement
from extract.text.sql import add_text_functions

SEEDS = 10
SWAPPED = 0.3
WELL, EVEN = np.log(10), 0.0


@dataclass(frozen=True)
class Product:
    """Fields of a product that the measure uses, and the product's number."""

    source: str
    sub_class: str
    product: int
    caption: str
    specs: tuple[tuple[str, str], ...]


def demo_products(seed: int) -> list[Product]:
    """Return the demo's products that have a caption and a table."""
    del seed
    return [
        Product(one.shop, one.product.kind.key, one.product.number, one.caption_masked, one.specs_masked)
        for one in make_plan("demo").listings
        if one.caption_masked and one.specs_masked
    ]


STATED = {"brand": 0.7, "model": 0.3, "colour": 0.35, "material": 0.3, "size": 0.25, "origin": 0.02}
"""Property -> share of captions that state it. A quarter of these statements use other words and are not found."""
VALUES = {"brand": 40, "model": 100_000, "colour": 25, "material": 12, "size": 15, "origin": 8}
OTHER_WORDS = 0.25


def hard_products(seed: int) -> list[Product]:
    """Return 6,000 products of 60 sub-classes; values are meaningless words with long-tailed frequencies."""
    rng = np.random.default_rng(seed)
    products = []
    for number in range(6_000):
        sub_class = f"c{number % 60}"
        values = {name: f"{name}{int(rng.zipf(1.4)) % count}" for name, count in VALUES.items()}
        values["model"] = f"model{rng.integers(VALUES['model'])}"
        said = [value for name, value in values.items() if rng.random() < STATED[name]]
        words = [word if rng.random() > OTHER_WORDS else f"alias{rng.integers(1000)}" for word in said]
        filler = [f"{sub_class}word{rng.integers(40)}" for _ in range(6)]
        caption = " ".join(rng.permutation([*words, *filler]))
        products.append(Product("shop", sub_class, number, caption, tuple(values.items())))
    return products


def swap(products: Sequence[Product], seed: int) -> tuple[list[Product], np.ndarray]:
    """Swap some captions within a shop and sub-class; return the products and a mask of those swapped."""
    rng = np.random.default_rng(1000 + seed)
    lists: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(products):
        lists.setdefault((one.source, one.sub_class), []).append(place)
    given, swapped = list(products), np.zeros(len(products), dtype=bool)
    for places in lists.values():
        order = rng.permutation(places)
        for one, other in zip(order[::2], order[1::2], strict=False):
            if rng.random() < SWAPPED and products[one].product != products[other].product:
                given[one] = replace(products[one], caption=products[other].caption)
                given[other] = replace(products[other], caption=products[one].caption)
                swapped[[one, other]] = True
    return given, swapped


def agreements(products: Sequence[Product]) -> np.ndarray:
    """Return the agreement of each product."""
    with closing(duckdb.connect()) as connection:
        connection.execute(
            "CREATE TABLE products (product_id VARCHAR, source VARCHAR, category VARCHAR[], caption TEXT)"
        )
        connection.execute("CREATE TABLE specs (product_id VARCHAR, property VARCHAR, value VARCHAR)")
        rows = [[f"{n:06}", one.source, [one.sub_class], one.caption] for n, one in enumerate(products)]
        connection.executemany("INSERT INTO products VALUES (?, ?, ?, ?)", rows)
        lines = [[f"{n:06}", *line] for n, one in enumerate(products) for line in one.specs]
        connection.executemany("INSERT INTO specs VALUES (?, ?, ?)", lines)
        add_text_functions(connection)
        make_agreement(connection)
        found = connection.sql("SELECT agreement FROM agreements ORDER BY product_id").fetchnumpy()
    return np.asarray(found["agreement"])


def auc(scores: np.ndarray, swapped: np.ndarray) -> float:
    """Return the probability that a product's own caption agrees more than a swapped one; ties count half."""
    ranks, own = rankdata(scores), int((~swapped).sum())
    return float((ranks[~swapped].sum() - own * (own + 1) / 2) / (own * swapped.sum()))


def report(name: str, make: Callable[[int], list[Product]], seeds: int) -> None:
    """Print the measure's figures on planted swaps."""
    areas, grades = [], []
    for seed in range(seeds):
        products, swapped = swap(make(seed), seed)
        scores = agreements(products)
        areas.append(auc(scores, swapped))
        grades.append([[np.mean(part >= WELL), np.mean(part <= EVEN)] for part in (scores[~swapped], scores[swapped])])
    (own_well, own_poorly), (other_well, other_poorly) = np.mean(grades, axis=0)
    print(f"{name}: {len(products)} products, {int(swapped.sum())} swapped, {seeds} seeds")
    print(f"  AUC {np.mean(areas):.3f}, least {min(areas):.3f} (target >= .9)")
    print(
        f"  own captions: {own_well:.1%} well, {own_poorly:.1%} poorly; swapped: {other_well:.1%}, {other_poorly:.1%}"
    )


def main() -> None:
    """Measure both catalogues."""
    report("demo shops", demo_products, SEEDS)
    report("synthetic catalogue, terse captions", hard_products, 2)


if __name__ == "__main__":
    main()
