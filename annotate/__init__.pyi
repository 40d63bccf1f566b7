from .aggregation.aggregate import Aggregation, aggregate
from .export_judgements import krippendorff_alpha
from .judgements import Judgement, read_judgements
from .matches import match_pairs
from .settings import Method

__all__ = [
    "Aggregation",
    "Judgement",
    "Method",
    "aggregate",
    "krippendorff_alpha",
    "match_pairs",
    "read_judgements",
]
