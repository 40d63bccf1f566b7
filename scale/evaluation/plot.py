"""A picture of the feature space."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from scale.evaluation.judge import TEST, Judge

__all__ = ["plot_features"]

MOST = 2_000
"""Samples drawn: t-SNE takes minutes beyond."""
PERPLEXITY = 30.0


def plot_features(judge: Judge, out: Path) -> None:
    """Write ``tsne.png``: the features of the classification test, coloured by class; nothing without that split."""
    if TEST not in judge.shards.splits:
        return
    features = judge.features(TEST)
    values, labels = features.values[:MOST], features.labels[:MOST].astype(str)
    if len(values) < 4:
        return
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    places = TSNE(perplexity=perplexity, random_state=judge.model.seed, init="pca").fit_transform(values)
    figure = Figure(figsize=(8, 8), layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _, numbers = np.unique(labels, return_inverse=True)
    axes.scatter(places[:, 0], places[:, 1], c=numbers, cmap="tab20", s=12)
    axes.set(title=f"t-SNE of {len(values)} features, {numbers.max() + 1} classes, {judge.phase}", xticks=[], yticks=[])
    figure.savefig(out / "tsne.png", dpi=110, metadata={"Software": ""})
