"""Measures of retrieval, classification and clustering: NumPy and SciPy, no torch."""

from scale.metrics.classification import classification_metrics
from scale.metrics.clustering import clustering_metrics
from scale.metrics.ranking import rank
from scale.metrics.retrieval import DEFINITIONS, Definition, cross_modal_metrics, retrieval_metrics

__all__ = [
    "DEFINITIONS",
    "Definition",
    "classification_metrics",
    "clustering_metrics",
    "cross_modal_metrics",
    "rank",
    "retrieval_metrics",
]
