"""Tables of the finished dataset: reserve, splits and the recipes that they were made by."""

from storage.schemas.column import Column, TableSpec
from storage.schemas.types import FLAG, ID, INT, LONG, TEXT

__all__ = ["RECIPES", "RESERVE", "SPLITS"]

RESERVE = TableSpec(
    name="reserve",
    meaning="One row a product, by the id of the group it leads or would lead: held out for ever, or not.",
    key=("group_id",),
    bucket_of="group_id",
    columns=(
        Column("group_id", ID, "product; where it leads a duplicate group, also the group"),
        Column("held_out", FLAG, "true: never trained on"),
        Column("since", INT, "dataset version in which that was decided", observed=True),
    ),
)

SPLITS = TableSpec(
    name="splits",
    meaning="One row a product in a split of a recipe.",
    key=("recipe", "split", "product_id"),
    split_by="recipe",
    columns=(
        Column("recipe", TEXT, "recipe's name"),
        Column("split", TEXT, "split's name, e.g. train, query-c"),
        Column("product_id", ID, "product"),
        Column("role", TEXT, "sample, query, gallery or distractor"),
        Column("label", TEXT, "what counts as the same: class or match id; NULL: distractor", nullable=True),
        Column("label_level", TEXT, "class, sub_class, subsub_class or match"),
        Column("group_id", ID, "group that never straddles train and evaluation"),
        Column("image_position", INT, "which image of the product the sample uses; -1: it has none"),
    ),
)

RECIPES = TableSpec(
    name="recipes",
    meaning="One row a recipe in the table splits: how its splits were made.",
    key=("recipe",),
    split_by="recipe",
    columns=(
        Column("recipe", TEXT, "recipe's name"),
        Column("definition", TEXT, "the whole recipe, as JSON"),
        Column("seed", LONG, "seed of the draw"),
        Column("digest", TEXT, "JSON: split -> rows and a digest of their content"),
        Column("code", TEXT, "version of this package that built them"),
        Column("version", INT, "dataset version that they were built from", observed=True),
        Column("tables", TEXT, "JSON: table -> Delta version that they were built from", observed=True),
    ),
)
