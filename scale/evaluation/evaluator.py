"""Measure one checkpoint on every split of the export."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from m5data.errors import DataError
from scale.data.batches import Batches
from scale.data.blocks import split_into_blocks
from scale.data.shard_folder import ShardFolder
from scale.data.tensors import Batch
from scale.evaluation.features import Features, Model, read_features
from scale.evaluation.scores import cluster, probe, score, search
from scale.training.train import FINETUNE, make_loader
from scale.training_recipe import Modality

__all__ = ["RETRIEVAL", "TEST", "Evaluator", "check_version", "combination_name", "combinations", "correlation"]

INITIALS = {"text": "T", "image": "I", "table": "Tab", "video": "V", "audio": "A"}


def combinations(streams: tuple[Modality, ...]) -> tuple[tuple[Modality, ...], ...]:
    """Return the rows of the papers' Tables 3 and 4: every modality by itself, then the first two, three and so on."""
    alone = [(name,) for name in streams]
    added = [streams[:count] for count in range(2, len(streams) + 1)]
    return (*alone, *added)


def combination_name(modalities: tuple[Modality, ...]) -> str:
    """Return e.g. ``T + I + Tab``."""
    return " + ".join(INITIALS[name] for name in modalities)


def correlation(batches: Batches, model: Model, device: torch.device) -> dict[str, float]:
    """Return the mean cosine of pooled image and text vectors, before fusion, of products that have both.

    ``image-text`` of the same product, ``image-text of others`` of all different ones (what the first
    would be if the two did not belong together). Empty where the model does not see both.

    Raises:
        DataError: A vector is not finite.
    """
    streams = model.trunk.streams
    if not {"text", "image"} <= set(streams):
        return {}
    places = [streams.index("text"), streams.index("image")]

    def describe(batch: Batch) -> Tensor:
        states, _ = model.trunk.encode(batch)
        pair = torch.stack([F.normalize(states[streams[at]][:, 0], dim=-1) for at in places], dim=1)
        return (pair * batch["present"][:, places].all(dim=1)[:, None, None]).flatten(1)

    values = read_features(batches, model.recipe.objective, device, describe).values
    text, image = np.split(values[np.abs(values).sum(axis=1) > 0].astype(np.float64), 2, axis=1)
    count = len(text)
    if count < 2:
        return {}
    same = float((text * image).sum() / count)
    every = float(text.sum(axis=0) @ image.sum(axis=0))
    return {"image-text": same, "image-text of others": (every - same * count) / (count * (count - 1))}


RETRIEVAL = {"coarse": ("query-c", "gallery-c"), "fine": ("query-fg", "gallery-fg")}
"""Task -> queries and gallery."""
TEST = "classification-test"

Measures = dict[str, float]


@dataclass
class Evaluator:
    """Measures a model."""

    model: Model
    shards: ShardFolder
    device: torch.device
    cache: Path | None

    @property
    def phase(self) -> str:
        """``pretrained`` or ``finetuned``."""
        return "pretrained" if self.model.classifier is None else "finetuned"

    def measure(self, on_measure: Callable[[], None]) -> dict[str, Any]:
        """Return all measures; ``on_measure`` is called after each of them."""
        found: dict[str, Any] = {"retrieval": {}}
        for task, (queries, gallery) in RETRIEVAL.items():
            if {queries, gallery} <= set(self.shards.splits):
                found["retrieval"][task] = {
                    combination_name(part): self._search(queries, gallery, part) for part in self._rows()
                }
                on_measure()
        if {FINETUNE, TEST} <= set(self.shards.splits):
            found["classification"] = self._classify()
            found["clustering"] = cluster(self.features(TEST), self.model.seed)
            found["correlation"] = correlation(self.batches(TEST), self.model, self.device)
            on_measure()
        return found

    def features(self, split: str, modalities: tuple[Modality, ...] = ()) -> Features:
        """Return the retrieval features of a split."""
        return self._read(split, self.model.feature, modalities)

    def batches(self, split: str) -> Batches:
        """Return the samples of a split."""
        recipe = self.model.recipe
        blocks = split_into_blocks(self.shards.shards(split))
        loader = make_loader(recipe, self.model.fitted, self.cache)
        return Batches(blocks, loader, 2, max_skipped=recipe.optimiser.max_skipped)

    def _rows(self) -> tuple[tuple[Modality, ...], ...]:
        return combinations(self.model.recipe.objective.streams)

    def _search(self, queries: str, gallery: str, modalities: tuple[Modality, ...]) -> Measures:
        found = search(self.features(queries, modalities), self.features(gallery, modalities))
        return {**found.values, "queries": float(found.queries), "unanswerable": float(found.unanswerable)}

    def _classify(self) -> dict[str, Measures]:
        rows = {f"linear, {combination_name(part)}": self._probe(part) for part in self._rows()}
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
