"""Tables of evaluation: annotation, reserve, splits and recipes."""

from core.table_spec import FLAG, ID, INT, LONG, REAL, TEXT, TIME, Column, TableSpec

__all__ = ["CANDIDATES", "JUDGEMENTS", "MATCHES", "RECIPES", "RESERVE", "SPLITS"]

_PAIR = (Column("query", ID, "product asked about"), Column("candidate", ID, "product compared"))

CANDIDATES = TableSpec(
    name="candidates",
    meaning="One row per pair that annotators are shown.",
    key=("query", "rank"),
    bucket_of="query",
    columns=(
        *_PAIR,
        Column("rank", INT, "place in the query's list, from 0"),
        Column("similarity", REAL, "cosine of the two features"),
    ),
)

JUDGEMENTS = TableSpec(
    name="judgements",
    meaning="One row per answer of one worker.",
    key=("query", "candidate", "worker"),
    bucket_of="query",
    columns=(
        *_PAIR,
        Column("worker", TEXT, "worker's id"),
        Column("answer", TEXT, "matched, mismatched or uncertain"),
        Column("gold", FLAG, "true: the true answer, from the gold set"),
        Column("answered_at", TIME, "when", observed=True),
    ),
)

MATCHES = TableSpec(
    name="matches",
    meaning="One row per pair that was judged, or that has one GTIN.",
    key=("query", "candidate"),
    bucket_of="query",
    columns=(
        *_PAIR,
        Column("posterior", REAL, "probability that both are the same product"),
        Column("decision", TEXT, "matched, mismatched or undecided"),
        Column("votes", INT, "judgements it rests on; 0: its GTIN decided"),
    ),
)


RESERVE = TableSpec(
    name="reserve",
    meaning="One row per product, by the id of the group that it leads or would lead: held out for ever, or not.",
    key=("group_id",),
    bucket_of="group_id",
    columns=(
        Column("group_id", ID, "product; where it leads a duplicate group, also the group"),
        Column("held_out", FLAG, "true: never trained on"),
        Column("since", INT, "dataset version in which that was decided", observed=True),
        Column(
            "gtin14", TEXT, "its GTIN then, which outlives it; NULL: none that counts", nullable=True, may_lack=True
        ),
    ),
)

SPLITS = TableSpec(
    name="splits",
    meaning="One row per product in a split of a recipe.",
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
    meaning="One row per recipe in the table splits: how its splits were made.",
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
