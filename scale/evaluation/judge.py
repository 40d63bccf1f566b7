"""One checkpoint, measured on every split that there is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from m5data.errors import DataError
from scale.data.batches import Batches
from scale.data.blocks import blocks_of
from scale.data.shard_folder import ShardFolder
from scale.data.tensors import Batch
from scale.evaluation.combinations import combinations, name_of
from scale.evaluation.correlation import correlation
from scale.evaluation.features import Features, read_features
from scale.evaluation.model import Model
from scale.evaluation.probes import cluster, probe, score
from scale.evaluation.retrieval import search
from scale.settings import Modality
from scale.training.train import FINETUNE, loader_of

__all__ = ["RETRIEVAL", "TEST", "Judge", "check_version"]

RETRIEVAL = {"coarse": ("query-c", "gallery-c"), "fine": ("query-fg", "gallery-fg")}
"""Task -> queries and gallery."""
TEST = "classification-test"

Measures = dict[str, float]


@dataclass
class Judge:
    """Measures a model."""

    model: Model
    shards: ShardFolder
    device: torch.device
    cache: Path | None

    @property
    def phase(self) -> str:
        """``pretrained`` or ``finetuned``."""
        return "pretrained" if self.model.classifier is None else "finetuned"

    def measure(self, tell: Callable[[], None]) -> dict[str, Any]:
        """Return all measures; ``tell`` is called after each of them."""
        found: dict[str, Any] = {"retrieval": {}}
        for task, (queries, gallery) in RETRIEVAL.items():
            if {queries, gallery} <= set(self.shards.splits):
                found["retrieval"][task] = {
                    name_of(part): self._search(queries, gallery, part) for part in self._rows()
                }
                tell()
        if {FINETUNE, TEST} <= set(self.shards.splits):
            found["classification"] = self._classify()
            found["clustering"] = cluster(self.features(TEST), self.model.seed)
            found["correlation"] = correlation(self.batches(TEST), self.model, self.device)
            tell()
        return found

    def features(self, split: str, modalities: tuple[Modality, ...] = ()) -> Features:
        """Return the retrieval features of a split."""
        return self._read(split, self.model.feature, modalities)

    def batches(self, split: str) -> Batches:
        """Return the samples of a split."""
        recipe = self.model.recipe
        loader = loader_of(recipe, self.model.fitted, self.cache)
        return Batches(blocks_of(self.shards.shards(split)), loader, 2, max_skipped=recipe.optimiser.max_skipped)

    def _rows(self) -> tuple[tuple[Modality, ...], ...]:
        return combinations(self.model.recipe.objective.streams)

    def _search(self, queries: str, gallery: str, modalities: tuple[Modality, ...]) -> Measures:
        found = search(self.features(queries, modalities), self.features(gallery, modalities))
        return {**found.values, "queries": float(found.queries), "unanswerable": float(found.unanswerable)}

    def _classify(self) -> dict[str, Measures]:
        rows = {f"linear, {name_of(part)}": self._probe(part) for part in self._rows()}
        classifier = self.model.classifier
        if classifier is None:
            return rows
        features = self.features(TEST)
        with torch.no_grad():
            scores: Tensor = classifier.classify(torch.from_numpy(features.values).to(self.device))
        return {"fine-tuned": score(scores.cpu().numpy(), features.labels, self.model.classes), **rows}

    def _probe(self, modalities: tuple[Modality, ...]) -> Measures:
        return probe(self.features(FINETUNE, modalities), self.features(TEST, modalities))

    def _read(self, split: str, describe: Callable[[Batch], Tensor], modalities: tuple[Modality, ...]) -> Features:
        return read_features(self.batches(split), self.model.recipe.objective, self.device, describe, modalities)


def check_version(model: Model, shards: ShardFolder) -> None:
    """Refuse to judge a model on shards of another dataset version: what was train there may be test here.

    Raises:
        DataError: The versions differ.
    """
    if model.version != shards.version:
        raise DataError(
            f"{shards.root}: the model was trained on dataset version {model.version}, the shards are of "
            f"{shards.version}; train again with --restart"
        )
