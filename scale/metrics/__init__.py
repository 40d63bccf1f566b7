"""Measures of retrieval, classification and clustering: NumPy and SciPy, no torch."""

from scale.metrics.classification import classification_metrics
from scale.metrics.clustering import clustering_metrics
from scale.metrics.ranking import rank
from scale.metrics.retrieval import Definition, retrieval_metrics

__all__ = ["Definition", "classification_metrics", "clustering_metrics", "rank", "retrieval_metrics"]
