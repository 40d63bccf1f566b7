"""Room: SCALE trained on the shards, judged on the splits. What is named here needs no torch."""

from scale.metrics import classification_metrics, clustering_metrics, cross_modal_metrics, rank, retrieval_metrics

__all__ = ["classification_metrics", "clustering_metrics", "cross_modal_metrics", "rank", "retrieval_metrics"]
