"""The alignment matrix S and the losses, as plain functions of tensors."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from scale.training_recipe import ContrastForm

__all__ = [
    "contrastive_loss",
    "detached_alignment",
    "free_alignment",
    "masked_feature_loss",
    "masked_token_loss",
    "no_alignment",
    "nt_xent",
    "paper_contrast",
    "released_alignment",
    "symmetric_contrast",
]

Scales = tuple[Tensor, Tensor]


def detached_alignment(pooled: Tensor, present: Tensor) -> Tensor:
    """Return S of the default form, through which no gradient flows: [B, M, M].

    S = softmax(C) along rows times the number of modalities present, with C as in
    ``released_alignment``. So its weights are positive and 1 on average: they make a pair count more or less,
    but can neither switch off nor reverse the loss.
    """
    cosines, both = _cosines(pooled.detach(), present)
    weights = torch.softmax(cosines.masked_fill(~present[:, None, :], -1e4), dim=-1)
    return (weights * present.sum(dim=1)[:, None, None]).masked_fill(~both, 0.0)


def released_alignment(pooled: Tensor, present: Tensor) -> Tensor:
    """Return S as the released code computes it, without a parameter and with gradient: [B, M, M].

    S = C * softmax(C) along rows, with C the cosines of the sample's pooled modality vectors, each row
    then divided by its L2 norm. Absent modalities are left out of softmax and norm; their rows and
    columns are zeros. Since S follows the cosines, a loss scaled by S can be lowered by making all
    cosines zero.

    Args:
        pooled: [B, M, width].
        present: [B, M] bool.
    """
    cosines, both = _cosines(pooled, present)
    weights = torch.softmax(cosines.masked_fill(~present[:, None, :], -1e4), dim=-1)
    return F.normalize((cosines * weights).masked_fill(~both, 0.0), dim=-1)


def _cosines(pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    unit = F.normalize(pooled.float(), dim=-1)
    return unit @ unit.transpose(1, 2), present[:, :, None] & present[:, None, :]


def free_alignment(parameter: Tensor, present: Tensor) -> Tensor:
    """Return S as the paper writes it: P * softmax(P) along rows, P a free parameter of each sample: [B, M, M].

    It starts at zero, so every weight is zero at the first step, and products not trained on have no parameter.

    Args:
        parameter: [B, M, M].
        present: [B, M] bool.
    """
    both = present[:, :, None] & present[:, None, :]
    weights = torch.softmax(parameter.float().masked_fill(~present[:, None, :], -1e4), dim=-1)
    return (parameter.float() * weights).masked_fill(~both, 0.0)


def no_alignment(present: Tensor) -> Tensor:
    """Return ones where both modalities are present: [B, M, M]."""
    return (present[:, :, None] & present[:, None, :]).float()


def contrastive_loss(
    pooled: Tensor, present: Tensor, alignment: Tensor, temperature: float | Tensor, form: ContrastForm
) -> Tensor:
    """Return the inter-modality contrastive loss: the mean over all pairs of modalities (10 for five).

    In a pair, only samples that have both modalities take part; a pair with fewer than two such samples
    has nothing to contrast and is left out of the mean.

    Args:
        pooled: [B, M, width].
        present: [B, M] bool.
        alignment: [B, M, M]; S of the pair scales the logits of each sample.
        temperature: Divisor of the cosines.
        form: ``detached`` and ``released`` (``nt_xent``), ``paper`` (``paper_contrast``) or ``clip``
            (``symmetric_contrast``). As released, S of (a, b) scales the rows of both modalities, though S is not
            symmetric.
    """
    contrast = {"paper": paper_contrast, "clip": symmetric_contrast}.get(form, nt_xent)
    losses = []
    for a in range(pooled.shape[1]):
        for b in range(a + 1, pooled.shape[1]):
            both = present[:, a] & present[:, b]
            if int(both.sum()) < 2:
                continue
            there = alignment[both, a, b]
            scales = there, there if form == "released" else alignment[both, b, a]
            losses.append(contrast(pooled[both, a], pooled[both, b], scales, temperature))
    return torch.stack(losses).mean() if losses else pooled.sum() * 0.0


def nt_xent(left: Tensor, right: Tensor, scales: Scales, temperature: float | Tensor) -> Tensor:
    """Return the released code's loss: NT-Xent over the 2 n views of n samples.

    Negatives are all other views, those of the same modality included; the positive is in the denominator.

    Args:
        left: [n, width] of one modality.
        right: [n, width] of the other.
        scales: [n] each: factor of the logits in rows of the left, and of the right, view.
        temperature: Divisor of the cosines.
    """
    count = len(left)
    views = F.normalize(torch.cat([left, right]).float(), dim=-1)
    logits = views @ views.T / temperature * torch.cat(scales)[:, None]
    logits = logits.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=logits.device), float("-inf"))
    partner = torch.arange(2 * count, device=logits.device).roll(count)
    return F.cross_entropy(logits, partner)


def paper_contrast(left: Tensor, right: Tensor, scales: Scales, temperature: float | Tensor) -> Tensor:
    """Return the paper's Eq. 2: cross-modal negatives only, and the positive not in the denominator.

    The paper gives one direction; here both count half. For the arguments see ``nt_xent``.
    """
    cosines = F.normalize(left.float(), dim=-1) @ F.normalize(right.float(), dim=-1).T / temperature
    itself = torch.eye(len(left), dtype=torch.bool, device=cosines.device)
    losses = []
    for scores, scale in ((cosines, scales[0]), (cosines.T, scales[1])):
        logits = scores * scale[:, None]
        losses.append(logits.masked_fill(itself, float("-inf")).logsumexp(dim=1) - logits.diagonal())
    return torch.stack(losses).mean()


def symmetric_contrast(left: Tensor, right: Tensor, scales: Scales, temperature: float | Tensor) -> Tensor:
    """Return CLIP's loss: cross-modal negatives only, positive in the denominator, both directions alike.

    For the arguments see ``nt_xent``.
    """
    cosines = F.normalize(left.float(), dim=-1) @ F.normalize(right.float(), dim=-1).T / temperature
    partner = torch.arange(len(left), device=cosines.device)
    logits = cosines * scales[0][:, None], cosines.T * scales[1][:, None]
    return torch.stack([F.cross_entropy(part, partner) for part in logits]).mean()


def masked_token_loss(logits: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
    """Return the mean cross-entropy of masked tokens: logits [n, vocabulary] times scale [n], truth [n]."""
    return F.cross_entropy(logits.float() * scale[:, None], truth)


def masked_feature_loss(predicted: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
    """Return the mean squared error of masked features: predictions [n, width] times scale [n], truth [n, width]."""
    return F.mse_loss(predicted.float() * scale[:, None], truth)
