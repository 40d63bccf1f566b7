"""The trained modules: the trunk with the pre-training losses or a classifier, and the masking of inputs."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, distributed, nn

from scale.data.tensors import Batch
from scale.data.tokens import MASK, SPECIAL
from scale.model.layers import bert_weights
from scale.model.losses import (
    contrastive_loss,
    detached_alignment,
    free_alignment,
    masked_feature_loss,
    masked_token_loss,
    no_alignment,
    released_alignment,
)
from scale.model.network import Fused, Trunk
from scale.model.networks.convolutional import ConvolutionalTrunk
from scale.model.networks.recurrent import RecurrentTrunk
from scale.model.networks.simple import SimpleTrunk
from scale.model.networks.tensor_fusion import LowRankTrunk, TensorFusionTrunk
from scale.training_recipe import Modality, ObjectiveSettings, TrainingRecipe

__all__ = [
    "TASKS",
    "Classifier",
    "Pretraining",
    "gathered",
    "hidden_pairs",
    "hidden_places",
    "hide",
    "make_trunk",
    "mismatched",
    "replaced",
]

TASKS = {"text": "MLM", "image": "MRP", "table": "MEM", "video": "MFP", "audio": "MAM"}
TEMPERATURES = {"detached": 0.07, "released": 0.07, "paper": 0.1, "clip": 0.07}
MIN_TEMPERATURE = 0.01
"""CLIP's bound on its learned temperature."""


def make_trunk(recipe: TrainingRecipe, vocabulary: int) -> Trunk | SimpleTrunk:
    """Return the network of a recipe."""
    match recipe.model.network:
        case "transformer":
            return Trunk(recipe, vocabulary)
        case "lstm" | "bi-lstm":
            return RecurrentTrunk(recipe, vocabulary)
        case "vgg-19" | "inception-v3":
            return ConvolutionalTrunk(recipe)
        case "tfn":
            return TensorFusionTrunk(recipe, vocabulary)
        case "lmf":
            return LowRankTrunk(recipe, vocabulary)


class Pretraining(nn.Module):
    """Trunk, masked tasks and contrastive learning; ``forward`` returns the loss terms of a batch."""

    def __init__(self, recipe: TrainingRecipe, vocabulary: int, samples: int) -> None:
        super().__init__()
        self.trunk = make_trunk(recipe, vocabulary)
        self.objective, self.vocabulary = recipe.objective, vocabulary
        form, size = recipe.objective.form, len(recipe.objective.streams)
        self.alignment = nn.Embedding(samples, size**2) if form == "paper" and recipe.objective.alignment else None
        if self.alignment is not None:
            nn.init.zeros_(self.alignment.weight)
        temperature = recipe.objective.temperature or TEMPERATURES[form]
        self.temperature = nn.Parameter(torch.tensor(math.log(temperature)), requires_grad=form == "clip")
        self.match = nn.Linear(recipe.model.width, 2) if recipe.objective.matching else None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return name -> term; the loss is their sum. Tasks with nothing to do in this batch are left out."""
        objective = self.objective
        terms: dict[str, Tensor] = {}
        matched = torch.ones(len(batch["present"]), dtype=torch.bool, device=batch["present"].device)
        seen = batch
        if self.match is not None:
            seen, matched = mismatched(batch, objective.streams)
        shown, hidden = hide(seen, objective, self.vocabulary) if objective.masked else (seen, {})
        fused = self.trunk(shown)
        if self.match is not None:
            both = seen["present"].all(dim=1)
            # the product of the two first states, as in ViLBERT [P]
            scores = self.match(fused.first[:, 0] * fused.first[:, 1])[both]
            if len(scores):
                terms["ITM"] = F.cross_entropy(scores.float(), matched[both].long())
        if objective.contrastive:
            # exchanged images would be positives of products that they do not show
            pooled = fused.pooled if self.match is None else self.trunk.pool(*self.trunk.encode(batch))  # type: ignore[operator]
            terms["IMCL"] = self._contrast(pooled, batch)
        scales = self._scales(fused, batch)
        for at, name in enumerate(objective.streams):
            if name not in hidden:
                continue
            chosen = hidden[name] & matched[:, None]  # mismatched samples predict nothing
            if bool(chosen.any()):
                task = "MLM table" if (name, objective.table_task) == ("table", "mlm") else TASKS[name]
                terms[task] = self._masked(name, fused, batch[name], chosen, scales[:, at])
        return terms

    def score(self, batch: Batch) -> float:
        """Return how well held-out samples are predicted: the negative sum of the loss terms."""
        return -float(torch.stack(list(self(batch).values())).sum())

    def _contrast(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Return the contrastive loss, with the negatives of all processes."""
        pooled, present = gathered(vectors.float()), gathered(batch["present"])
        alignment = self._align(pooled, present, gathered(batch["index"]))
        temperature = self.temperature.exp().clamp_min(MIN_TEMPERATURE)
        return contrastive_loss(pooled, present, alignment, temperature, self.objective.form)

    def _scales(self, fused: Fused, batch: Batch) -> Tensor:
        """Return the factor of each modality's masked predictions: S's diagonal (as released: after fusion [C])."""
        pooled = fused.first if self.objective.form == "released" else fused.pooled
        return self._align(pooled, batch["present"], batch["index"]).diagonal(dim1=1, dim2=2)

    def _align(self, pooled: Tensor, present: Tensor, index: Tensor) -> Tensor:
        objective = self.objective
        if self.alignment is not None:
            size = present.shape[1]
            return free_alignment(self.alignment(index).unflatten(1, (size, size)), present)
        if not objective.alignment or objective.form == "clip":
            return no_alignment(present)
        return (released_alignment if objective.form == "released" else detached_alignment)(pooled, present)

    def _masked(self, name: str, fused: Fused, truth: Tensor, hidden: Tensor, scale: Tensor) -> Tensor:
        """Return the loss of one masked task; ``scale`` [B] is S's diagonal of this modality."""
        states = fused.states[name]  # type: ignore[index]
        tokens = states[:, states.shape[1] - hidden.shape[1] :]  # without the global token, if there is one
        predicted = self.trunk.encoders[name].predict(tokens[hidden])  # type: ignore[operator]
        factors = scale[:, None].expand_as(hidden)[hidden]
        loss = masked_feature_loss if truth.is_floating_point() else masked_token_loss
        return loss(predicted, truth[hidden], factors)


def mismatched(batch: Batch, streams: tuple[str, ...]) -> tuple[Batch, Tensor]:
    """Return the batch with about half of its images exchanged, and a mask of the samples that kept theirs: [B] bool.

    For image-text matching, in which the model tells the two kinds apart. An exchanged image is the previous sample's.
    """
    keep = torch.rand(len(batch["present"]), device=batch["present"].device) < 0.5
    mixed = dict(batch)
    for name in ("image", "image_mask", "image_box"):
        mixed[name] = torch.where(keep.view(-1, *[1] * (batch[name].ndim - 1)), batch[name], batch[name].roll(1, 0))
    at = streams.index("image")
    present = batch["present"].clone()
    present[:, at] = torch.where(keep, present[:, at], present[:, at].roll(1, 0))
    return {**mixed, "present": present}, keep


class Classifier(nn.Module):
    """Trunk, a layer whose output is the retrieval feature after fine-tuning, and a linear classifier.

    As released, that layer reads the concatenated first states, has no activation, and is followed by dropout [C];
    by default it reads their sum and applies GELU.
    """

    def __init__(self, recipe: TrainingRecipe, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.trunk = make_trunk(recipe, vocabulary)
        model = recipe.model
        self.released = model.layout == "released"
        self.hidden = nn.Linear(model.width * (len(self.trunk.streams) if self.released else 1), model.feature_width)
        self.dropout = nn.Dropout(0.1 if self.released else 0.0)
        self.classify = nn.Linear(model.feature_width, classes)
        if self.released:
            self.apply(bert_weights)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the cross-entropy; samples whose label is not among the classes do not count."""
        logits = self.classify(self.dropout(self.feature(batch)))
        return {"classes": F.cross_entropy(logits.float(), batch["label"], ignore_index=-1)}

    def score(self, batch: Batch) -> float:
        """Return the share of held-out samples whose class is found; the loss breaks ties between equal shares."""
        logits = self.classify(self.feature(batch)).float()
        right = (logits.argmax(dim=1) == batch["label"]).float().mean()
        return float(right - 1e-4 * F.cross_entropy(logits, batch["label"], ignore_index=-1))

    def feature(self, batch: Batch) -> Tensor:
        """Return [B, feature_width]."""
        fused = self.trunk(batch)
        if self.released:
            hidden: Tensor = self.hidden(fused.first.flatten(1))
            return hidden
        return F.gelu(self.hidden(fused.feature))


def gathered(part: Tensor) -> Tensor:
    """Return the rows of all processes, in their order; only this process's own rows carry the gradient.

    Every process computes the loss of all rows and DistributedDataParallel averages their gradients, so a process
    multiplies its own gradient by the number of processes: the average is then that of one process with all rows.
    """
    if not (torch.is_grad_enabled() and distributed.is_available() and distributed.is_initialized()):
        return part  # one process, or validation, where each sees the same rows
    world, rank = distributed.get_world_size(), distributed.get_rank()
    own = part.detach().contiguous()
    as_bytes = own.to(torch.uint8) if own.dtype == torch.bool else own
    parts = [torch.empty_like(as_bytes) for _ in range(world)]
    distributed.all_gather(parts, as_bytes)
    parts = [each.to(part.dtype) for each in parts]
    parts[rank] = part * world - own * (world - 1) if part.requires_grad else part
    return torch.cat(parts)


def hide(batch: Batch, objective: ObjectiveSettings, vocabulary: int) -> tuple[Batch, dict[Modality, Tensor]]:
    """Return the batch with parts hidden, and a mask of these: modality -> [B, tokens] bool.

    Of every modality a share ``masked_share`` is hidden on average. MLM: of the tokens that are not special, of which
    80 % become [MASK], 10 % another token and 10 % stay. MEM: whole names or values become [MASK]. Features become
    zeros. Nothing of an absent modality is hidden. Draws come from torch's generator of the batch's device.
    """
    shown, chosen = dict(batch), {}
    tasks = [name for name in objective.streams if name in objective.masked_modalities]
    if objective.one_at_a_time:
        tasks = [tasks[int(torch.randint(len(tasks), ()))]]
    for name in tasks:
        mask = batch[f"{name}_mask"]
        if batch[name].is_floating_point():
            chosen[name] = hidden_places(mask, objective.masked_share)
            shown[name] = batch[name].masked_fill(chosen[name][..., None], 0.0)
            continue
        ids, part = batch[name], batch[f"{name}_part"]
        pairs = hidden_pairs(part, objective.masked_share) if objective.table_task == "mem" else torch.zeros_like(mask)
        free = mask & (ids >= len(SPECIAL)) & ((part == 0) | (objective.table_task == "mlm"))
        single = hidden_places(free, objective.masked_share)
        chosen[name] = single | pairs
        shown[name] = torch.where(pairs, MASK, replaced(ids, single, vocabulary))
    return shown, chosen


def hidden_places(allowed: Tensor, share: float) -> Tensor:
    """Return a random ``share`` of the allowed places: [B, tokens] bool."""
    return allowed & (torch.rand(allowed.shape, device=allowed.device) < share)


def hidden_pairs(part: Tensor, share: float) -> Tensor:
    """Return the tokens of chosen names and values: on average a ``share`` of the tokens of all names and values.

    One side of a row is hidden with twice that probability, both sides only where the share is above one half.

    Args:
        part: [B, tokens]: 1 + 2 i in the name of row i, 2 + 2 i in its value, else 0.
        share: From 0 to 1.
    """
    rows = part.shape[1]  # there are no more rows than tokens
    chance = torch.rand(len(part), rows, device=part.device)
    first = torch.randint(0, 2, (len(part), rows), device=part.device)
    row, here = (part - 1).clamp_min(0) // 2, (part - 1).clamp_min(0) % 2
    is_first = first.gather(1, row) == here
    limit = torch.where(is_first, 2 * share, 2 * share - 1)
    return (part > 0) & (chance.gather(1, row) < limit)


def replaced(ids: Tensor, chosen: Tensor, vocabulary: int) -> Tensor:
    """Return ids with those chosen replaced: 80 % by [MASK], 10 % by any token that is not special, 10 % kept."""
    chance = torch.rand(ids.shape, device=ids.device)
    other = torch.randint(min(len(SPECIAL), vocabulary - 1), vocabulary, ids.shape, device=ids.device)
    out = torch.where(chosen & (chance < 0.8), MASK, ids)
    return torch.where(chosen & (chance >= 0.9), other, out)
