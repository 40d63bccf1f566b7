"""Features of a split, from any of its modalities."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import DataError
from scale.data.batches import Batches
from scale.data.fit_vocabulary import Fitted, load_fitted
from scale.data.tensors import Batch, make_batch
from scale.model.network import Trunk, restrict_to
from scale.model.networks.simple import SimpleTrunk
from scale.model.tasks import Classifier, Pretraining
from scale.training.checkpoint import Identity, best_weights, load_checkpoint
from scale.training_recipe import Modality, ObjectiveSettings, TrainingRecipe

__all__ = ["Features", "Model", "finite_features", "load_model", "read_features"]


@dataclass(frozen=True)
class Model:
    """Weights of a checkpoint, in evaluation mode."""

    recipe: TrainingRecipe
    seed: int
    version: str
    fitted: Fitted
    trunk: Trunk | SimpleTrunk
    classifier: Classifier | None
    """None after pre-training."""
    classes: tuple[str, ...]
    seconds: float = 0.0
    """Duration of its training."""

    @property
    def identity(self) -> Identity:
        """Identity of its training."""
        return Identity(self.recipe, self.seed, self.version)

    def feature(self, batch: Batch) -> Tensor:
        """Return the retrieval feature [B, width]: the trunk's or, if fine-tuned, the layer's before the classifier."""
        feature: Tensor = self.trunk(batch).feature if self.classifier is None else self.classifier.feature(batch)
        return feature


def load_model(path: Path, device: torch.device, identity: Identity | None = None) -> Model:
    """Load a checkpoint of either phase.

    Raises:
        MissingInputError, DataError, SettingsError: As ``load_checkpoint``.
    """
    state = load_checkpoint(path, identity)
    found = state["identity"]
    recipe = TrainingRecipe.model_validate_json(found["recipe"])
    fitted = load_fitted(state["fitted"], recipe.input)
    classes = tuple(state.get("classes", ()))
    if classes:
        module: Classifier | Pretraining = Classifier(recipe, fitted.vocabulary.size, len(classes))
    else:
        weights = state["model"].get("alignment.weight")
        module = Pretraining(recipe, fitted.vocabulary.size, 1 if weights is None else len(weights))
    module.load_state_dict(best_weights(state))
    module.to(device).eval()
    classifier = module if isinstance(module, Classifier) else None
    return Model(recipe, found["seed"], found["version"], fitted, module.trunk, classifier, classes, state["seconds"])


@dataclass(frozen=True)
class Features:
    """Features of the samples of a split, in its order, except those with none of the requested modalities."""

    product_ids: Sequence[str]
    labels: NDArray[np.object_]
    """[n], None for a distractor."""
    values: NDArray[np.float32]
    """[n, width]; counts of words are a sparse array."""
    without: int
    """Samples left out because they have none of the modalities."""

    def __len__(self) -> int:
        return len(self.product_ids)


def read_features(
    batches: Batches,
    objective: ObjectiveSettings,
    device: torch.device,
    describe: Callable[[Batch], Tensor],
    modalities: Collection[Modality] = (),
    classes: Mapping[str, int] | None = None,
) -> Features:
    """Read a split and describe each of its samples.

    Args:
        batches: The split.
        objective: Settings by which batches are made.
        device: Device on which they are described.
        describe: Batch -> [B, width].
        modalities: Modalities shown to the model; empty: all.
        classes: Label -> number, for the batch.

    Raises:
        DataError: A feature is not finite, or no sample has any of the modalities.
    """
    ids: list[str] = []
    labels: list[str | None] = []
    values: list[NDArray[np.float32]] = []
    without = 0
    with torch.no_grad():
        for encoded in batches.in_order():
            batch = restrict_to(make_batch(encoded, objective, device, classes), objective.streams, tuple(modalities))
            there = batch["present"].any(dim=1).cpu().numpy()
            described = describe(batch).float().cpu().numpy()
            values.append(described[there])
            ids += [name for name, is_there in zip(encoded.product_ids, there, strict=True) if is_there]
            labels += [name for name, is_there in zip(encoded.labels, there, strict=True) if is_there]
            without += int((~there).sum())
    return Features(ids, np.array(labels, dtype=object), finite_features(values, ids, modalities), without)


def finite_features(
    values: list[NDArray[np.float32]], ids: Sequence[str], modalities: Collection[Modality]
) -> NDArray[np.float32]:
    """Return the features of all batches in one array.

    Raises:
        DataError: There is no sample, or a feature that is not finite; the message names the product.
    """
    if not ids:
        raise DataError(f"features: No sample has {', '.join(modalities) or 'any modality'}.")
    joined = np.concatenate(values)
    finite = np.isfinite(joined).all(axis=1)
    if not finite.all():
        first = ids[int(np.flatnonzero(~finite)[0])]
        raise DataError(
            f"features: {first} and {int((~finite).sum()) - 1} more have features that are not finite. "
            "Look at the loss curve of this model."
        )
    return joined
