"""Judgements of product pairs, and the matches they make."""

from annotate.aggregation import Aggregation, aggregate
from annotate.judgements import Judgement, read_judgements
from annotate.krippendorff import krippendorff_alpha
from annotate.methods import Method
from annotate.pairs import match_pairs

__all__ = [
    "Aggregation",
    "Judgement",
    "Method",
    "aggregate",
    "krippendorff_alpha",
    "match_pairs",
    "read_judgements",
]
