"""Tables of the annotation loop."""

from storage.schemas.column import Column, TableSpec
from storage.schemas.types import FLAG, ID, INT, REAL, TEXT, TIME

__all__ = ["CANDIDATES", "JUDGEMENTS", "MATCHES"]

_PAIR = (Column("query", ID, "product asked about"), Column("candidate", ID, "product compared"))

CANDIDATES = TableSpec(
    name="candidates",
    meaning="One row a pair that annotators are shown.",
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
    meaning="One row an answer of one worker.",
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
    meaning="One row a judged pair, aggregated.",
    key=("query", "candidate"),
    bucket_of="query",
    columns=(
        *_PAIR,
        Column("posterior", REAL, "probability that both are the same product"),
        Column("decision", TEXT, "matched, mismatched or undecided"),
        Column("votes", INT, "judgements it rests on"),
    ),
)
