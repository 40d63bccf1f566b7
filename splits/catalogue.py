"""The catalogue that splits are made of: products, duplicate groups and judged pairs."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from m5data.errors import RecipeError
from splits.keys import Rows

__all__ = [
    "CATEGORIES",
    "MATCHES",
    "OUTSIDE",
    "PRODUCTS",
    "ArrowStream",
    "Catalogue",
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

CATEGORIES = pa.schema([("level", pa.string()), ("id", pa.int32()), ("name", pa.string())])
"""Columns of ``Catalogue.categories``."""


class ArrowStream(Protocol):
    """Anything that speaks Arrow's stream interface: pyarrow, pandas, polars, DuckDB relations."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as a capsule."""


@dataclass(frozen=True, slots=True, init=False)
class Catalogue:
    """The products that splits are made of; the order of rows means nothing.

    Exact duplicates that were dropped are not in it.
    """

    products: pa.Table
    """One row for each product: the columns of ``PRODUCTS`` (``images`` are the positions of its stored
    images, ascending); ``merchant`` (string, NULL: not known) and ``first_seen`` (timestamp) too,
    where the recipe separates by them."""
    matches: pa.Table
    """One row for each judged pair; ``decision`` is matched, mismatched or undecided. Pairs with a product
    that is neither in ``products`` nor ``outside`` are ignored."""
    outside: pa.Table
    """Products that no split may hold, but that groups and matches run through: dropped exact duplicates,
    whose kept twin is ``same_as``, and products that lack what the recipe requires (``same_as`` NULL:
    they are products of their own, and no product of their group stands for them)."""
    categories: pa.Table
    """Names of categories, where the recipe chooses some by name; ``level`` as in recipes."""

    def __init__(
        self,
        products: ArrowStream,
        matches: ArrowStream | None = None,
        outside: ArrowStream | None = None,
        categories: ArrowStream | None = None,
    ) -> None:
        """Take tables of any library that speaks Arrow.

        Integers of any width, and text of any encoding, are converted to the types of the schemas above.

        Raises:
            RecipeError: A column is missing or has another type.
        """
        given = {"products": products, "matches": matches, "outside": outside, "categories": categories}
        for (name, table), schema in zip(given.items(), (PRODUCTS, MATCHES, OUTSIDE, CATEGORIES), strict=True):
            typed = schema.empty_table() if table is None else _typed(name, table, schema)
            object.__setattr__(self, name, typed)


def _typed(name: str, given: ArrowStream, schema: pa.Schema) -> pa.Table:
    """Return ``given`` as a table whose columns have the types of ``schema``; further columns stay.

    Raises:
        RecipeError: A column is missing, or cannot have that type.
    """
    table = given if isinstance(given, pa.Table) else pa.table(given)
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
    return table


def _kind(found: pa.DataType) -> object:
    """Return what a type holds, whatever its width or encoding."""
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
    """Return ``table`` sorted by the bytes of a text column, whose values differ.

    Raises:
        RecipeError: A value is there twice.
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
    """Return the first row of each product's group; most groups are one product, named after itself."""
    shared = pc.unique(groups.filter(pc.not_equal(groups, ids)))
    codes = pc.fill_null(pc.index_in(groups, value_set=shared), -1).to_numpy().astype(np.int64)
    rows = np.arange(len(ids), dtype=np.int64)
    members = np.flatnonzero(codes >= 0)
    first = np.full(len(shared), len(ids), dtype=np.int64)
    np.minimum.at(first, codes[members], members)
    rows[members] = first[codes[members]]
    return rows


def pairs_of(ids: pa.ChunkedArray, matches: pa.Table) -> dict[str, tuple[Rows, Rows]]:
    """Return decision -> row numbers of its pairs, pairs with unknown products left out."""
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
