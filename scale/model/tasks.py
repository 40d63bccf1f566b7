"""The trained modules: the trunk with the pre-training losses, or with a classifier."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from scale.data.tensors import Batch
from scale.model.losses import (
    contrastive_loss,
    free_alignment,
    masked_feature_loss,
    masked_token_loss,
    no_alignment,
    sample_alignment,
)
from scale.model.masking import TOKEN_MODALITIES, hide
from scale.model.network import Fused, Trunk
from scale.training_recipe import TrainingRecipe

__all__ = ["TASKS", "Classifier", "Pretraining"]

TASKS = {"text": "MLM", "image": "MRP", "table": "MEM", "video": "MFP", "audio": "MAM"}
TEMPERATURES = {"released": 0.07, "paper": 0.1}


class Pretraining(nn.Module):
    """Trunk, masked tasks and contrastive learning; ``forward`` returns the loss terms of a batch."""

    def __init__(self, recipe: TrainingRecipe, vocabulary: int, samples: int) -> None:
        super().__init__()
        self.trunk = Trunk(recipe, vocabulary)
        self.objective, self.vocabulary = recipe.objective, vocabulary
        pairs = len(recipe.objective.streams) ** 2
        self.alignment = nn.Embedding(samples, pairs) if recipe.objective.alignment == "paper" else None
        if self.alignment is not None:
            nn.init.zeros_(self.alignment.weight)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return name -> term; the loss is their sum. A task that had nothing to do in this batch is not in it."""
        objective = self.objective
        shown, hidden = hide(batch, objective, self.vocabulary) if objective.masked else (batch, {})
        fused: Fused = self.trunk(shown)
        alignment = self._align(fused, batch)
        terms: dict[str, Tensor] = {}
        if objective.contrastive:
            temperature = objective.temperature or TEMPERATURES[objective.contrastive_form]
            form = objective.contrastive_form
            terms["IMCL"] = contrastive_loss(fused.pooled, batch["present"], alignment, temperature, form)
        for at, name in enumerate(objective.streams):
            if name in hidden and bool(hidden[name].any()):
                task = "MLM table" if (name, objective.table_task) == ("table", "mlm") else TASKS[name]
                terms[task] = self._masked(name, fused, batch[name], hidden[name], alignment[:, at, at])
        return terms

    def _align(self, fused: Fused, batch: Batch) -> Tensor:
        present = batch["present"]
        if self.alignment is not None:
            size = present.shape[1]
            return free_alignment(self.alignment(batch["index"]).unflatten(1, (size, size)), present)
        return (
            sample_alignment(fused.pooled, present) if self.objective.alignment == "released" else no_alignment(present)
        )

    def _masked(self, name: str, fused: Fused, truth: Tensor, hidden: Tensor, scale: Tensor) -> Tensor:
        """Return the loss of one masked task; ``scale`` [B] is S's diagonal of this modality."""
        states = fused.states[name]  # type: ignore[index]
        tokens = states[:, states.shape[1] - hidden.shape[1] :]  # without the global token, where there is one
        predicted = self.trunk.encoders[name].predict(tokens[hidden])  # type: ignore[operator]
        factors = scale[:, None].expand_as(hidden)[hidden]
        loss = masked_token_loss if name in TOKEN_MODALITIES else masked_feature_loss
        return loss(predicted, truth[hidden], factors)


class Classifier(nn.Module):
    """Trunk, a layer whose output is the retrieval feature after fine-tuning, and a linear classifier."""

    def __init__(self, recipe: TrainingRecipe, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.trunk = Trunk(recipe, vocabulary)
        self.hidden = nn.Linear(recipe.model.width, recipe.model.feature_width)
        self.classify = nn.Linear(recipe.model.feature_width, classes)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the cross-entropy; samples whose label is none of the classes do not count."""
        logits = self.classify(self.feature(batch))
        return {"classes": F.cross_entropy(logits.float(), batch["label"], ignore_index=-1)}

    def feature(self, batch: Batch) -> Tensor:
        """Return [B, feature_width]."""
        return torch.nn.functional.gelu(self.hidden(self.trunk(batch).feature))
