"""The catalogue that splits are built from, as tables and as arrays: six million products in half a gigabyte."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.arrow_input import ArrowStream
from core.components import components
from core.errors import RecipeError
from splits.drawing import Flags, Keys, Rows, hash_ids
from splits.recipe import LEVELS, Level

__all__ = [
    "CATEGORIES",
    "MATCHES",
    "OUTSIDE",
    "PRODUCTS",
    "Catalogue",
    "EncodedCatalogue",
    "encode",
    "first_of_group",
    "pairs_of",
    "sort_by_id",
]

_POSITIONS = pa.list_(pa.field("element", pa.int32(), nullable=False))

PRODUCTS = pa.schema(
    [
        ("product_id", pa.string()),
        ("group_id", pa.string()),
        ("held_out", pa.bool_()),
        ("class_id", pa.int32()),
        ("sub_class_id", pa.int32()),
        ("subsub_class_id", pa.int32()),
        ("images", _POSITIONS),
    ]
)
"""Columns of ``Catalogue.products`` that every recipe needs; ids of -1 or NULL mean no label."""

MATCHES = pa.schema([("query", pa.string()), ("candidate", pa.string()), ("decision", pa.string())])
"""Columns of ``Catalogue.matches``."""

OUTSIDE = pa.schema(
    [
        ("product_id", pa.string()),
        ("group_id", pa.string()),
        ("held_out", pa.bool_()),
        ("same_as", pa.string()),
    ]
)
"""Columns of ``Catalogue.outside``."""

_NEVER_NULL = frozenset(("product_id", "group_id", "held_out", "query", "candidate"))

CATEGORIES = pa.schema([("level", pa.string()), ("id", pa.int32()), ("name", pa.string())])
"""Columns of ``Catalogue.categories``."""


@dataclass(frozen=True, slots=True, init=False)
class Catalogue:
    """The products that splits are built from; the order of rows does not matter.

    Dropped exact duplicates are only in ``outside``.
    """

    products: pa.Table
    """One row per product: the columns of ``PRODUCTS`` (``images`` are the positions of its stored
    images, ascending); also ``merchant`` (string, NULL: unknown) and ``first_seen`` (timestamp)
    if the recipe separates by them."""
    matches: pa.Table
    """One row per judged pair; ``decision`` is matched, mismatched or undecided. Pairs with a product
    that is neither in ``products`` nor ``outside`` are ignored."""
    outside: pa.Table
    """Products that no split may hold, but that groups and matches can link: dropped exact duplicates,
    whose kept twin is ``same_as``, and products that lack what the recipe requires (``same_as`` NULL:
    they are distinct products, and no product of their group replaces them)."""
    categories: pa.Table
    """Names of categories, needed if the recipe chooses some by name; ``level`` as in recipes."""

    def __init__(
        self,
        products: ArrowStream,
        matches: ArrowStream | None = None,
        outside: ArrowStream | None = None,
        categories: ArrowStream | None = None,
    ) -> None:
        """Accept tables of any library that supports Arrow.

        Integers of any width, and text of any encoding, are converted to the types of the schemas above.

        Raises:
            RecipeError: A column is missing or has another type.
        """
        given = {"products": products, "matches": matches, "outside": outside, "categories": categories}
        for (name, table), schema in zip(given.items(), (PRODUCTS, MATCHES, OUTSIDE, CATEGORIES), strict=True):
            typed = schema.empty_table() if table is None else _typed(name, table, schema)
            object.__setattr__(self, name, typed)


def _typed(name: str, given: ArrowStream, schema: pa.Schema) -> pa.Table:
    """Return ``given`` as a table whose columns have the types of ``schema``; further columns are kept.

    Raises:
        RecipeError: It is not a table, or a column is missing or cannot have that type.
    """
    try:
        table = given if isinstance(given, pa.Table) else pa.table(given)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise RecipeError(f"catalogue.{name}: this is not a table that Arrow can read ({error}).") from None
    for column in schema:
        index = table.schema.get_field_index(column.name)
        got = table.schema.field(index).type if index >= 0 else "missing"
        if _plain(got) == _plain(column.type):
            continue
        if index < 0 or _kind(got) != _kind(column.type):
            raise RecipeError(f"catalogue.{name}.{column.name} must be of type {column.type}; it is {got}.")
        try:
            table = table.set_column(index, column.name, table[index].cast(column.type))
        except pa.ArrowInvalid as error:
            raise RecipeError(f"catalogue.{name}.{column.name} must be of type {column.type}: {error}") from None
    for key in _NEVER_NULL.intersection(schema.names):
        if missing := table[key].null_count:
            raise RecipeError(f"catalogue.{name}.{key} is null in {missing:,} rows. Every row must name its products.")
    return table


def _kind(found: pa.DataType) -> object:
    """Return the kind of values in a type, whatever its width or encoding."""
    if pa.types.is_dictionary(found):
        return _kind(found.value_type)
    if pa.types.is_integer(found):
        return "integer"
    if pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found):
        return "text"
    if isinstance(found, pa.ListType | pa.LargeListType):
        return "list", _kind(found.value_type)
    return found


def _plain(kind: object) -> object:
    """Return a type without the name that a list gives its elements."""
    return ("list", kind.value_type) if isinstance(kind, pa.ListType) else kind


def sort_by_id(table: pa.Table, column: str) -> pa.Table:
    """Return ``table`` sorted by the bytes of a text column of unique values.

    Raises:
        RecipeError: A value occurs more than once.
    """
    ids = table[column]
    if len(ids) < 2 or pc.all(pc.less(ids[:-1], ids[1:])).as_py():  # most tables come sorted
        return table
    table = table.take(pc.sort_indices(ids))
    ids = table[column]
    repeated = np.flatnonzero(pc.equal(ids[1:], ids[:-1]).to_numpy())
    if len(repeated):
        raise RecipeError(
            f"catalogue: {column} {ids[int(repeated[0])].as_py()!r} occurs more than once. Remove repeats."
        )
    return table


def first_of_group(ids: pa.ChunkedArray, groups: pa.ChunkedArray) -> Rows:
    """Return the first row of each product's group; most groups are one product and have its id."""
    shared = pc.unique(groups.filter(pc.not_equal(groups, ids)))
    codes = pc.fill_null(pc.index_in(groups, value_set=shared), -1).to_numpy().astype(np.int64)
    rows = np.arange(len(ids), dtype=np.int64)
    members = np.flatnonzero(codes >= 0)
    first = np.full(len(shared), len(ids), dtype=np.int64)
    np.minimum.at(first, codes[members], members)
    rows[members] = first[codes[members]]
    return rows


def pairs_of(ids: pa.ChunkedArray, matches: pa.Table) -> dict[str, tuple[Rows, Rows]]:
    """Return decision -> row numbers of its pairs, without pairs with unknown products."""
    named = pc.unique(pa.chunked_array([*matches["query"].chunks, *matches["candidate"].chunks], pa.string()))
    rows = np.flatnonzero(pc.is_in(ids, value_set=named).to_numpy())
    known = ids.take(pa.array(rows))
    ends = [
        pc.fill_null(pc.index_in(matches[end], value_set=known.combine_chunks()), -1).to_numpy()
        for end in ("query", "candidate")
    ]
    found = (ends[0] >= 0) & (ends[1] >= 0) & (ends[0] != ends[1])
    pairs = {}
    for decision in ("matched", "mismatched", "undecided"):
        chosen = found & pc.equal(matches["decision"], decision).to_numpy()
        pairs[decision] = (rows[ends[0][chosen]], rows[ends[1][chosen]])
    return pairs


@dataclass(frozen=True, slots=True)
class EncodedCatalogue:
    """Arrays with one entry per product, in the order of product ids."""

    products: pa.Table
    """The catalogue's products, sorted by product_id."""
    key: Keys
    """Random key of each product under the seed."""
    held: Flags
    tied: Flags
    """Whether it is held out, or groups or matches connect it with a product held out."""
    group: Rows
    """First row of the product's duplicate group."""
    cluster: Rows
    """First row of all groups that matches connect with the product's group."""
    component: Rows
    """First row of the products judged the same; -1: no match, or contradictory judgements."""
    asked: Flags
    """Whether it was the query of a matched pair, so that all its matches were searched for."""
    undecided: tuple[Rows, Rows]
    """Pairs of clusters with a pair of products that annotators could not decide."""
    categories: Mapping[Level, Rows]
    """Category id at each level; -1: none."""

    @property
    def ids(self) -> pa.ChunkedArray:
        """The product ids."""
        return self.products["product_id"]


def encode(catalogue: Catalogue, seed: int) -> EncodedCatalogue:
    """Sort and number a catalogue.

    Raises:
        RecipeError: A product occurs more than once.
    """
    products = sort_by_id(catalogue.products, "product_id")
    size, ids = len(products), products["product_id"]
    # products outside the catalogue come last, so that the first row of anything they link is inside
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
    """Replace each dropped duplicate by its kept twin."""
    alias = np.arange(len(every), dtype=np.int64)
    same = catalogue.outside["same_as"]
    if same.null_count < len(same):
        kept = np.flatnonzero(pc.is_in(every, value_set=pc.unique(same)).to_numpy())
        places = pc.fill_null(pc.index_in(same, value_set=every.take(pa.array(kept))), -1).to_numpy()
        rows = np.where(places >= 0, kept[places], -1)
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

    The papers' truth is "the same product". Products are the same if a chain of pairs that annotators
    matched connects them; a dropped exact duplicate is replaced by the only product of its group that was
    kept, because their listings are equal. Near-duplicate groups are no truth: they only restrict splits. A
    product that lacks what the recipe requires remains a link of its chain and is not replaced. If two
    products of a chain were judged different, the chain has no truth.

    The certificate (``splits.audit_views``) computes the same from the stored tables, for every catalogue:
    both use the pairs whose two products are known, both replace a dropped duplicate by the kept product of its
    group if there is exactly one, and both ignore pairs of a product with itself. So both see the same graph,
    hence the same components, and the same mismatched pairs inside them. Rows are in byte order of product ids
    with unusable products last, so the first row of a component with a usable product is its smallest usable
    product id, which is the name that the certificate gives it.
    """
    left, right = pairs["matched"]
    component = components(rows, left, right)
    a, b = (component[end] for end in pairs["mismatched"])
    contradicted = np.zeros(rows, dtype=bool)
    contradicted[a[a == b]] = True
    matched = np.zeros(rows, dtype=bool)
    matched[left] = matched[right] = True
    return np.where(matched & ~contradicted[component], component, -1)
