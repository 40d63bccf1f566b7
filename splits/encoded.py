"""A catalogue as arrays of numbers: six million products in half a gigabyte."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from m5data.components import components
from splits.catalogue import Catalogue, first_of_group, pairs_of, sort_by_id
from splits.keys import Flags, Keys, Rows, hash_ids
from splits.recipe import LEVELS, Level

__all__ = ["EncodedCatalogue", "encode"]


@dataclass(frozen=True, slots=True)
class EncodedCatalogue:
    """Arrays with one entry a product, in the order of product ids."""

    products: pa.Table
    """The catalogue's products, sorted by product_id."""
    key: Keys
    """Random key of each product under the seed."""
    held: Flags
    tied: Flags
    """Whether groups or matches connect it with a product held out, itself included."""
    group: Rows
    """First row of the product's duplicate group."""
    cluster: Rows
    """First row of all groups that matches connect with the product's."""
    component: Rows
    """First row of the products judged the same; -1: no match, or judgements that contradict each other."""
    asked: Flags
    """Whether it was the query of a matched pair: all that is right for it was looked for."""
    undecided: tuple[Rows, Rows]
    """Pairs of clusters of which annotators could not decide some pair."""
    categories: Mapping[Level, Rows]
    """Category id at each level; -1: none."""

    @property
    def ids(self) -> pa.ChunkedArray:
        """The product ids."""
        return self.products["product_id"]


def encode(catalogue: Catalogue, seed: int) -> EncodedCatalogue:
    """Sort and number a catalogue.

    Raises:
        RecipeError: A product is in it twice.
    """
    products = sort_by_id(catalogue.products, "product_id")
    size, ids = len(products), products["product_id"]
    # products outside the catalogue come last, so that the first row of whatever they link is inside
    every = _append(ids, catalogue.outside["product_id"])
    group = first_of_group(every, _append(products["group_id"], catalogue.outside["group_id"]))
    pairs = _with_stand_ins(catalogue, every, pairs_of(every, catalogue.matches))
    left, right = pairs["matched"]
    asked = np.zeros(len(every), dtype=bool)
    asked[left] = True
    held = _append(products["held_out"], catalogue.outside["held_out"]).to_numpy().astype(bool)
    cluster = components(len(every), group[left], group[right])[group]
    tied = np.zeros_like(held)
    tied[cluster[held]] = True
    undecided = [cluster[end] for end in pairs["undecided"]]
    inside = (undecided[0] < size) & (undecided[1] < size)
    return EncodedCatalogue(
        products=products,
        key=hash_ids(ids, str(seed)),
        held=held[:size],
        tied=tied[cluster][:size],
        group=group[:size],
        cluster=cluster[:size],
        component=_same_products(len(every), pairs)[:size],
        asked=asked[:size],
        undecided=(undecided[0][inside], undecided[1][inside]),
        categories={level: _category(products[f"{level}_id"]) for level in LEVELS},
    )


def _with_stand_ins(
    catalogue: Catalogue, every: pa.ChunkedArray, pairs: dict[str, tuple[Rows, Rows]]
) -> dict[str, tuple[Rows, Rows]]:
    """Put the product that was kept in the place of each dropped duplicate."""
    alias = np.arange(len(every), dtype=np.int64)
    same = catalogue.outside["same_as"]
    if same.null_count < len(same):
        rows = pc.fill_null(pc.index_in(same, value_set=every), -1).to_numpy().astype(np.int64)
        outside = alias[len(every) - len(same) :]
        outside[rows >= 0] = rows[rows >= 0]
    twins = {decision: (alias[left], alias[right]) for decision, (left, right) in pairs.items()}
    return {decision: (a[a != b], b[a != b]) for decision, (a, b) in twins.items()}


def _append(first: pa.ChunkedArray, second: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([*first.chunks, *second.chunks], first.type)


def _category(ids: pa.ChunkedArray) -> Rows:
    return np.asarray(pc.fill_null(ids, -1).to_numpy(), dtype=np.int64)


def _same_products(rows: int, pairs: dict[str, tuple[Rows, Rows]]) -> Rows:
    """Return the truth of fine retrieval: the first row of the products judged the same as each; -1: none.

    The papers' truth is "the same product". Products are the same where a chain of pairs that annotators
    matched connects them; a dropped exact duplicate is replaced by the one product of its group that was
    kept, because their listings are equal. Near-duplicate groups make no truth: they only bind splits, and a
    product that lacks what the recipe requires stays a link of its chain without a stand-in. Where two
    products of a chain were judged different, the chain has no truth.

    The certificate (``splits.audit_views``) computes the same from the stored tables, for every catalogue:
    both take the pairs whose two products are known, both replace a dropped duplicate by the only kept product
    of its group and leave it where there are more or none, and both leave out pairs of a product with itself.
    So both see the same graph, hence the same components, and the same mismatched pairs inside them. Rows are
    in byte order of product ids with unusable products last, so the first row of a component with a usable
    product is its smallest usable product id, which is the name that the certificate gives it.
    """
    left, right = pairs["matched"]
    component = components(rows, left, right)
    a, b = (component[end] for end in pairs["mismatched"])
    contradicted = np.zeros(rows, dtype=bool)
    contradicted[a[a == b]] = True
    matched = np.zeros(rows, dtype=bool)
    matched[left] = matched[right] = True
    return np.where(matched & ~contradicted[component], component, -1)
