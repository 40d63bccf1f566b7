"""A trained model, ready to describe batches."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from scale.data.fitting import Fitted, load_fitted
from scale.data.tensors import Batch
from scale.model.network import Trunk
from scale.model.tasks import Classifier, Pretraining
from scale.settings import TrainingRecipe
from scale.training.checkpoint import Identity, load_checkpoint

__all__ = ["Model", "load_model"]


@dataclass(frozen=True)
class Model:
    """Weights of a checkpoint, in evaluation mode."""

    recipe: TrainingRecipe
    seed: int
    version: str
    fitted: Fitted
    trunk: Trunk
    classifier: Classifier | None
    """None after pre-training."""
    classes: tuple[str, ...]

    @property
    def identity(self) -> Identity:
        """What it was trained as."""
        return Identity(self.recipe, self.seed, self.version)

    def feature(self, batch: Batch) -> Tensor:
        """Return the retrieval feature [B, width]: of the trunk, after fine-tuning of the layer before the classes."""
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
    module.load_state_dict(state["model"])
    module.to(device).eval()
    classifier = module if isinstance(module, Classifier) else None
    return Model(recipe, found["seed"], found["version"], fitted, module.trunk, classifier, classes)
