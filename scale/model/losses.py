"""The losses, as plain functions of tensors."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

__all__ = ["contrastive_loss", "masked_feature_loss", "masked_token_loss", "nt_xent", "paper_contrast"]


def contrastive_loss(pooled: Tensor, present: Tensor, alignment: Tensor, temperature: float, form: str) -> Tensor:
    """Return inter-modality contrastive learning: the mean over all pairs of modalities (10 of five).

    In a pair, only samples that have both modalities take part; a pair with fewer than two such samples
    has nothing to contrast and is left out of the mean.

    Args:
        pooled: [B, M, width].
        present: [B, M] bool.
        alignment: [B, M, M]; S of the pair scales the logits of each sample.
        temperature: Divides the cosines.
        form: ``released`` (``nt_xent``) or ``paper`` (``paper_contrast``).
    """
    contrast = nt_xent if form == "released" else paper_contrast
    losses = []
    for a in range(pooled.shape[1]):
        for b in range(a + 1, pooled.shape[1]):
            both = present[:, a] & present[:, b]
            if int(both.sum()) < 2:
                continue
            scales = alignment[both, a, b], alignment[both, b, a]
            losses.append(contrast(pooled[both, a], pooled[both, b], scales, temperature))
    return torch.stack(losses).mean() if losses else pooled.sum() * 0.0


def nt_xent(left: Tensor, right: Tensor, scales: tuple[Tensor, Tensor], temperature: float) -> Tensor:
    """Return the released code's loss: NT-Xent over the 2 n views of n samples.

    Negatives are all other views, those of the same modality included; the positive is in the denominator.

    Args:
        left: [n, width] of one modality.
        right: [n, width] of the other.
        scales: [n] each: factor of the logits in rows of the left, and of the right, view.
        temperature: Divides the cosines.
    """
    count = len(left)
    views = F.normalize(torch.cat([left, right]).float(), dim=-1)
    logits = views @ views.T / temperature * torch.cat(scales)[:, None]
    logits = logits.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=logits.device), float("-inf"))
    partner = torch.arange(2 * count, device=logits.device).roll(count)
    return F.cross_entropy(logits, partner)


def paper_contrast(left: Tensor, right: Tensor, scales: tuple[Tensor, Tensor], temperature: float) -> Tensor:
    """Return the paper's Eq. 2: cross-modal negatives only, and the positive not in the denominator.

    The paper writes one direction; here both count half. Arguments as of ``nt_xent``.
    """
    cosines = F.normalize(left.float(), dim=-1) @ F.normalize(right.float(), dim=-1).T / temperature
    itself = torch.eye(len(left), dtype=torch.bool, device=cosines.device)
    losses = []
    for scores, scale in ((cosines, scales[0]), (cosines.T, scales[1])):
        logits = scores * scale[:, None]
        losses.append(logits.masked_fill(itself, float("-inf")).logsumexp(dim=1) - logits.diagonal())
    return torch.stack(losses).mean()


def masked_token_loss(logits: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
    """Return the mean cross-entropy of masked tokens: logits [n, vocabulary] times scale [n], truth [n]."""
    return F.cross_entropy(logits.float() * scale[:, None], truth)


def masked_feature_loss(predicted: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
    """Return the mean squared error of masked features: predictions [n, width] times scale [n], truth [n, width]."""
    return F.mse_loss(predicted.float() * scale[:, None], truth)
