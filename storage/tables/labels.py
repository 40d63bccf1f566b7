"""Tables of the shared hierarchy."""

import pyarrow as pa

from m5data.table_spec import FLAG, ID, INT, LIST, LONG, REAL, TEXT, Column, TableSpec

__all__ = ["LABELS", "LABEL_MAP", "LABEL_PAIRS", "PROPERTIES", "SPEC_NORMS", "SPEC_PROPOSALS"]

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
    meaning="One row per category path of a source: the labels it became, and why.",
    key=("source", "path"),
    columns=(
        Column("source", TEXT, "source"),
        Column("path", TEXT, "category path joined by ' > '"),
        Column("category", LIST, "category path"),
        *_NAMES,
        Column("partner", TEXT, "path of the other source it was aligned with; NULL: none", nullable=True),
        Column("s_label", REAL, "name similarity to partner (MEP-3M, eq. 1)", nullable=True),
        Column("s_content", REAL, "title similarity to partner (MEP-3M, eq. 2)", nullable=True),
        Column("rule", TEXT, "what decided: mapping, mep3m, learned, same_name, own or person:NAME"),
    ),
)

LABEL_PAIRS = TableSpec(
    name="label_pairs",
    meaning="One row per pair of categories of two sources that was judged: how alike they are, and what was decided.",
    key=("source_a", "path_a", "source_b", "path_b"),
    columns=(
        Column("source_a", TEXT, "source of the one; the alphabetically smaller"),
        Column("path_a", TEXT, "its category path joined by ' > '"),
        Column("source_b", TEXT, "source of the other"),
        Column("path_b", TEXT, "its category path joined by ' > '"),
        Column("category_a", LIST, "category path of the one"),
        Column("category_b", LIST, "category path of the other"),
        Column("s_label", REAL, "name similarity (MEP-3M, eq. 1)"),
        Column("s_content", REAL, "title similarity (MEP-3M, eq. 2)"),
        Column("probability", REAL, "of being one label, by the learned rule; NULL: another rule", nullable=True),
        Column("relation", TEXT, "same, broader (a holds b), narrower (b holds a) or other, by the rule"),
        Column("merged", FLAG, "whether both are one label in label_map"),
        Column("doubt", REAL, "how doubtful the rule's decision is, 0 to 1; the most doubtful are reviewed first"),
        Column("evidence", LIST, "what spoke for or against it, strongest first"),
        Column("rule", TEXT, "what decided: mep3m, learned, same_name or person:NAME"),
    ),
)

LABELS = TableSpec(
    name="labels",
    meaning="One row per product: its labels in the shared hierarchy.",
    key=("product_id",),
    bucket_of="product_id",
    columns=(Column("product_id", ID, "product"), *_NAMES),
)

_REALS, _PLACES = (pa.list_(pa.field("element", kind, nullable=False)) for kind in (REAL, INT))

PROPERTIES = TableSpec(
    name="properties",
    meaning="One row per property name of a source: its shared name, and what it was compared with others by.",
    key=("source", "property"),
    split_by="source",
    columns=(
        Column("source", TEXT, "source"),
        Column("property", TEXT, "name as published"),
        Column("lines", LONG, "specification lines with it"),
        Column("property_norm", TEXT, "shared name"),
        Column("terms", LIST, "its commonest values: hashes of texts; steps of a scale with a unit"),
        Column("weights", _REALS, "products with each term; a number stands between two steps"),
        Column("others", _PLACES, "properties of the source that it stands beside, by their place, from 0"),
        Column("agreement", _REALS, "with each of these: cosines of their values, less .65 a product"),
    ),
)

SPEC_NORMS = TableSpec(
    name="spec_norms",
    meaning="One row per line of a product's specification table: its value in the form that all sources share.",
    key=("product_id", "position"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("position", INT, "line of the table specs, which keeps the original"),
        Column("value_norm", TEXT, "the number in unit, else the text with width and white space folded"),
        Column("unit", TEXT, "g, ml, mm, W, V, mAh, Hz, MB, 月, 天, ℃ or %; NULL: none", nullable=True),
        Column("number", REAL, "value_norm as a number; NULL: text", nullable=True),
    ),
)

SPEC_PROPOSALS = TableSpec(
    name="spec_proposals",
    meaning="One row per property value that an image states and the product's table lacks; never merged into specs.",
    key=("product_id", "property"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("property", TEXT, "name as the shop spells it, else as is common or written in the image"),
        Column("value", TEXT, "value as read"),
        Column("property_norm", TEXT, "shared name of the property; NULL: no table has it", nullable=True),
        Column("value_norm", TEXT, "the number in unit, else the text with width and white space folded"),
        Column("unit", TEXT, "as in spec_norms; NULL: none", nullable=True),
        Column("position", INT, "evidence: image's place on the page"),
        Column("line", INT, "evidence: line of image_text, which has the box"),
        Column("sha256", TEXT, "evidence: object of the image"),
        Column(
            "rule", TEXT, "named: name: value; row: beside its name in a table; unit, size: a number that stands alone"
        ),
        Column("confidence", REAL, "of the line, 0 to 1"),
    ),
)
