"""What a catalogue is to the splits: its products, and which pairs of them were judged."""

from dataclasses import dataclass, field

import pyarrow as pa

from m5data.errors import RecipeError

__all__ = ["CATEGORIES", "MATCHES", "OUTSIDE", "PRODUCTS", "Catalogue"]

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


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The products that splits are made of; the order of rows means nothing.

    Exact duplicates that were dropped are not in it.

    Raises:
        RecipeError: A column is missing or has another type.
    """

    products: pa.Table
    """One row a product: the columns of ``PRODUCTS`` (``images`` are the positions of its stored
    images, ascending); ``merchant`` (string, NULL: not said) and ``first_seen`` (timestamp) too,
    where the recipe separates by them."""
    matches: pa.Table = field(default_factory=MATCHES.empty_table)
    """One row a judged pair; ``decision`` is matched, mismatched or undecided. Pairs with a product
    that is neither in ``products`` nor ``outside`` are ignored."""
    outside: pa.Table = field(default_factory=OUTSIDE.empty_table)
    """Products that no split may hold, but that groups and matches run through: dropped duplicates,
    whose kept twin is ``same_as`` (else NULL), and products that lack what the recipe requires."""
    categories: pa.Table = field(default_factory=CATEGORIES.empty_table)
    """Names of categories, where the recipe chooses some by name; ``level`` as in recipes."""

    def __post_init__(self) -> None:
        """Check the columns."""
        _check("products", self.products, PRODUCTS)
        _check("matches", self.matches, MATCHES)
        _check("outside", self.outside, OUTSIDE)
        _check("categories", self.categories, CATEGORIES)


def _check(name: str, table: pa.Table, wanted: pa.Schema) -> None:
    for column in wanted:
        index = table.schema.get_field_index(column.name)
        got = table.schema.field(index).type if index >= 0 else "no such column"
        if _plain(got) != _plain(column.type):
            raise RecipeError(f"catalogue.{name}.{column.name}: wanted {column.type}, got {got}")


def _plain(kind: object) -> object:
    """Return a type without the name that a list gives its elements."""
    return ("list", kind.value_type) if isinstance(kind, pa.ListType) else kind
