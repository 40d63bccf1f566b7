"""The alignment matrix S: how far each pair of modalities of a sample, and each one alone, is trusted."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

__all__ = ["free_alignment", "no_alignment", "sample_alignment"]

LEAST = 1e-6


def sample_alignment(pooled: Tensor, present: Tensor) -> Tensor:
    """Return S as the released code computes it, without a parameter: [B, M, M].

    S = C * softmax(C) along rows, with C the cosines of the sample's pooled modality vectors, each row
    then divided by the sum of its absolute values. Absent modalities are left out of softmax and sum;
    their rows and columns are zeros.

    Args:
        pooled: [B, M, width].
        present: [B, M] bool.
    """
    unit = F.normalize(pooled.float(), dim=-1)
    cosines = unit @ unit.transpose(1, 2)
    both = present[:, :, None] & present[:, None, :]
    weights = torch.softmax(cosines.masked_fill(~present[:, None, :], -1e4), dim=-1)
    product = (cosines * weights).masked_fill(~both, 0.0)
    return product / product.abs().sum(dim=-1, keepdim=True).clamp_min(LEAST)


def free_alignment(parameter: Tensor, present: Tensor) -> Tensor:
    """Return S as the paper writes it: P * softmax(P) along rows, P a free parameter of each sample: [B, M, M].

    It starts at zero, so every weight is zero at the first step, and products not trained on have none.

    Args:
        parameter: [B, M, M].
        present: [B, M] bool.
    """
    both = present[:, :, None] & present[:, None, :]
    weights = torch.softmax(parameter.float().masked_fill(~present[:, None, :], -1e4), dim=-1)
    return (parameter.float() * weights).masked_fill(~both, 0.0)


def no_alignment(present: Tensor) -> Tensor:
    """Return ones where both modalities are there: [B, M, M]."""
    return (present[:, :, None] & present[:, None, :]).float()
