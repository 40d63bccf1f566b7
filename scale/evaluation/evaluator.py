"""Evaluation of one checkpoint on every split of the export."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from numpy.typing import NDArray
from torch import Tensor

from core.errors import DataError
from scale.data.batches import Batches
from scale.data.blocks import split_into_blocks
from scale.data.shard_folder import ShardFolder
from scale.data.tensors import Batch
from scale.evaluation.features import Features, Model, read_features
from scale.evaluation.scores import across, cluster, probe, score, search
from scale.model.network import Trunk
from scale.training.train import make_loader
from scale.training_recipe import MODALITIES, Modality

__all__ = [
    "CROSS_MODAL",
    "READ_OUTS",
    "RETRIEVAL",
    "Evaluator",
    "check_version",
    "combination_name",
    "combinations",
    "contrasted_vector",
    "cross_modal",
]

Measures = dict[str, float]

INITIALS = {"text": "T", "image": "I", "table": "Tab", "video": "V", "audio": "A"}


def combinations(streams: tuple[Modality, ...]) -> tuple[tuple[Modality, ...], ...]:
    """Return the rows of the papers' Tables 3 and 4: every modality by itself, then the first two, three and so on."""
    alone = [(name,) for name in streams]
    added = [streams[:count] for count in range(2, len(streams) + 1)]
    return (*alone, *added)


def combination_name(modalities: tuple[Modality, ...]) -> str:
    """Return the name of a combination, such as ``T + I + Tab``."""
    return " + ".join(INITIALS[name] for name in modalities)


CROSS_MODAL: tuple[tuple[Modality, Modality], ...] = (
    ("image", "text"),
    ("text", "image"),
    ("table", "image"),
    ("video", "audio"),
)
"""Query and answer of cross-modal retrieval."""
MAX = 1_000
"""Maximum number of products that cross-modal retrieval searches: the first of the split."""


def cross_modal(batches: Batches, model: Model, device: torch.device) -> dict[str, Any]:
    """Return how well one modality of a product finds another of the same product, each encoded by itself.

    ``image → text`` and so on: recall and median rank, alongside those of chance (``across``), among the products of
    the split that have both; for image and text also the mean cosine of the same and of different products. Empty
    if the model sees none of the pairs.

    Raises:
        DataError: A vector is not finite.
    """
    streams = model.trunk.streams
    pairs = [pair for pair in CROSS_MODAL if set(pair) <= set(streams)]
    if not pairs:
        return {}

    def describe(batch: Batch) -> Tensor:
        vectors = F.normalize(model.trunk.vectors(batch), dim=-1)
        return (vectors * batch["present"][..., None]).flatten(1)

    values = read_features(batches, model.recipe.objective, device, describe).values
    vectors = values.reshape(len(values), len(streams), -1)
    there = np.abs(vectors).sum(axis=2) > 0
    found: dict[str, Any] = {}
    for query, answer in pairs:
        left, right = streams.index(query), streams.index(answer)
        both = np.flatnonzero(there[:, left] & there[:, right])[:MAX]
        if len(both) > 1:
            found[f"{query} → {answer}"] = across(vectors[both, left], vectors[both, right])
            if (query, answer) == ("image", "text"):
                found["cosines"] = _cosines(vectors[both, left], vectors[both, right])
    return found


def _cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> Measures:
    """Return the mean cosine of matching rows, and of all other pairs."""
    table = left.astype(np.float64) @ right.T.astype(np.float64)
    count, same = len(table), float(np.trace(table))
    return {"same product": same / count, "different products": (table.sum() - same) / (count * (count - 1))}


READ_OUTS = ("released", "cosine", "contrasted")
"""What retrieval compares: ``released``, the dot product of the feature, as the authors' code does; ``cosine``, its
cosine; ``contrasted``, the cosine of the sum of the contrasted vectors of the modalities, each of length one, which is
what pre-training makes alike."""


def contrasted_vector(vectors: Tensor, present: Tensor) -> Tensor:
    """Return the sum of the vectors of the modalities present, each of length one, scaled to length one: [B, width].

    Args:
        vectors: [B, streams, width].
        present: [B, streams] bool.
    """
    unit = F.normalize(vectors.float(), dim=-1) * present[..., None]
    return F.normalize(unit.sum(dim=1), dim=-1)


RETRIEVAL = {"coarse": ("query-c", "gallery-c"), "fine": ("query-fg", "gallery-fg")}
"""Task -> queries and gallery."""


@dataclass
class Evaluator:
    """Evaluator of a model."""

    model: Model
    shards: ShardFolder
    device: torch.device
    cache: Path | None
    combinations: bool = True
    """Measure every combination of modalities, not only all together."""
    _known: dict[str, set[Modality]] = field(default_factory=dict)
    """Split -> modalities that at least one of its products has."""

    @property
    def phase(self) -> str:
        """``pretrained`` or ``finetuned``."""
        return "pretrained" if self.model.classifier is None else "finetuned"

    @property
    def labelled(self) -> tuple[str, str]:
        """The splits that classifiers are trained and measured on."""
        return self.model.recipe.finetune_split, self.model.recipe.test_split

    def measure(self, on_measure: Callable[[], None]) -> dict[str, Any]:
        """Return all measures; ``on_measure`` is called after each group of them."""
        found: dict[str, Any] = {
            "retrieval": {},
            "read-out": self.read_out,
            "read-outs": {name: {} for name in self.read_outs},
        }
        for task, (queries, gallery) in RETRIEVAL.items():
            if {queries, gallery} <= set(self.shards.splits):
                measured = {row: self._search(queries, gallery, row) for row in self._rows(queries, gallery)}
                for name in self.read_outs:
                    by_row = {combination_name(row): values[name] for row, values in measured.items()}
                    found["read-outs"][name][task] = by_row
                found["retrieval"][task] = found["read-outs"][self.read_out][task]
                on_measure()
        if {*self.labelled} <= set(self.shards.splits):
            found["classification"] = self._classify()
            found["clustering"] = cluster(self.features(self.labelled[1]), self.model.seed)
            found["cross-modal"] = cross_modal(self.batches(self.labelled[1]), self.model, self.device)
            on_measure()
        return found

    @property
    def read_outs(self) -> tuple[str, ...]:
        """The read-outs that the network has: ``contrasted`` only if it contrasts vectors before fusion."""
        trunk = self.model.trunk
        contrasts = self.model.recipe.objective.contrastive and isinstance(trunk, Trunk) and not trunk.is_single_stream
        return tuple(name for name in READ_OUTS if contrasts or name != "contrasted")

    @property
    def read_out(self) -> str:
        """The default: ``contrasted`` after pre-training (and before any) where there is one, else ``cosine``."""
        return "contrasted" if self.phase == "pretrained" and "contrasted" in self.read_outs else "cosine"

    def features(self, split: str, modalities: tuple[Modality, ...] = ()) -> Features:
        """Return the features of a split: sums of first states, or of the layer before the classifier."""
        return self._read(split, self.model.feature, modalities)

    def shown(self, split: str, modalities: tuple[Modality, ...] = ()) -> Features:
        """Return the features of a split by the default read-out."""
        return self._read_outs(split, modalities)[self.read_out]

    def _read_outs(self, split: str, modalities: tuple[Modality, ...]) -> dict[str, Features]:
        """Return the features of a split by each read-out, in one pass."""
        names = self.read_outs

        def describe(batch: Batch) -> Tensor:
            feature = self.model.feature(batch)
            parts = {"released": feature, "cosine": F.normalize(feature.float(), dim=-1)}
            if "contrasted" in names:
                parts["contrasted"] = contrasted_vector(self.model.trunk.vectors(batch), batch["present"])
            return torch.cat([parts[name].float() for name in names], dim=1)

        found = self._read(split, describe, modalities)
        model = self.model.recipe.model
        contrasted = (model.pool_width or model.width) if "contrasted" in names else 0
        width = (found.values.shape[1] - contrasted) // 2
        values = np.split(found.values, [width, 2 * width][: len(names) - 1], axis=1)
        return {name: replace(found, values=part) for name, part in zip(names, values, strict=True)}

    def batches(self, split: str) -> Batches:
        """Return the samples of a split."""
        recipe = self.model.recipe
        blocks = split_into_blocks(self.shards.shards(split))
        loader = make_loader(recipe, self.model.fitted, self.cache, device=self.device)
        return Batches(blocks, loader, 2, max_skipped=recipe.optimiser.max_skipped)

    def _rows(self, *splits: str) -> tuple[tuple[Modality, ...], ...]:
        """Return the combinations to measure, of the modalities that occur in every split."""
        streams = self.model.recipe.objective.streams
        if not self.combinations:
            return (streams,)
        there = set(streams).intersection(*map(self.modalities, splits))
        return combinations(tuple(name for name in streams if name in there))

    def modalities(self, split: str) -> set[Modality]:
        """Return the modalities that at least one product of a split has."""
        if split not in self._known:
            present = np.any([part.arrays["present"].any(axis=0) for part in self.batches(split).in_order()], axis=0)
            known = {name for name, there in zip(MODALITIES, present, strict=True) if there}
            stacked: set[Modality] = {"text"} if self.model.recipe.objective.stack_table and "table" in known else set()
            self._known[split] = known | stacked
        return self._known[split]

    def _search(self, queries: str, gallery: str, modalities: tuple[Modality, ...]) -> dict[str, Measures]:
        """Return the measures by each read-out."""
        asked, searched = self._read_outs(queries, modalities), self._read_outs(gallery, modalities)
        found = {name: search(asked[name], searched[name]) for name in asked}
        return {
            name: {**one.values, "queries": float(one.queries), "unanswerable": float(one.unanswerable)}
            for name, one in found.items()
        }

    def _classify(self) -> dict[str, Measures]:
        rows = {f"linear, {combination_name(row)}": self._probe(row) for row in self._rows(*self.labelled)}
        classifier = self.model.classifier
        if classifier is None:
            return rows
        features = self.features(self.labelled[1])
        with torch.no_grad():
            scores: Tensor = classifier.classify(torch.from_numpy(features.values).to(self.device))
        return {"fine-tuned": score(scores.cpu().numpy(), features.labels, self.model.classes), **rows}

    def _probe(self, modalities: tuple[Modality, ...]) -> Measures:
        return probe(*(self.features(split, modalities) for split in self.labelled))

    def _read(self, split: str, describe: Callable[[Batch], Tensor], modalities: tuple[Modality, ...]) -> Features:
        return read_features(self.batches(split), self.model.recipe.objective, self.device, describe, modalities)


def check_version(model: Model, shards: ShardFolder) -> None:
    """Refuse to evaluate a model on shards of another dataset version: its training samples may be test samples here.

    Raises:
        DataError: The versions differ.
    """
    if model.version != shards.version:
        raise DataError(
            f"{shards.root}: the model was trained on dataset version {model.version}, the shards are of "
            f"{shards.version}; train again with --restart"
        )
