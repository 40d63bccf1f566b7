"""Tables of the shared hierarchy."""

from storage.schemas.column import Column, TableSpec
from storage.schemas.types import ID, INT, LIST, REAL, TEXT

__all__ = ["LABELS", "LABEL_MAP"]

_NAMES = (
    Column("class_id", INT, "first level; -1: no label"),
    Column("class_name", TEXT, "its name; empty: none"),
    Column("sub_class_id", INT, "second level; -1: none"),
    Column("sub_class_name", TEXT, "its name; empty: none"),
    Column("subsub_class_id", INT, "third level; -1: none"),
    Column("subsub_class_name", TEXT, "its name; empty: none"),
)

LABEL_MAP = TableSpec(
    name="label_map",
    meaning="One row a category path of a source: the labels it became, and why.",
    key=("source", "path"),
    columns=(
        Column("source", TEXT, "source"),
        Column("path", TEXT, "category path joined by ' > '"),
        Column("category", LIST, "category path"),
        *_NAMES,
        Column("partner", TEXT, "path of the other source it was aligned with; NULL: none", nullable=True),
        Column("s_label", REAL, "name similarity to partner (MEP-3M, eq. 1)", nullable=True),
        Column("s_content", REAL, "title similarity to partner (MEP-3M, eq. 2)", nullable=True),
        Column("rule", TEXT, "what decided: mapping, mep3m, same_name, own or a person's name"),
    ),
)

LABELS = TableSpec(
    name="labels",
    meaning="One row a product: its labels in the shared hierarchy.",
    key=("product_id",),
    bucket_of="product_id",
    columns=(Column("product_id", ID, "product"), *_NAMES),
)
