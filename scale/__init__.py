"""The room ``scale``: SCALE, trained on the shards and evaluated on the splits. These imports need no torch."""

from scale.metrics import classification_metrics, clustering_metrics, cross_modal_metrics, rank, retrieval_metrics

__all__ = ["classification_metrics", "clustering_metrics", "cross_modal_metrics", "rank", "retrieval_metrics"]
