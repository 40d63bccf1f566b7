"""Statistics of a batch's vectors that show a collapse at once."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from scale.training_recipe import Modality

__all__ = ["effective_rank", "mean_cosine", "vector_statistics"]


def mean_cosine(vectors: Tensor) -> float:
    """Return the mean cosine of different rows of [n, width]: near 1, all products have the same vector."""
    unit = F.normalize(vectors.float(), dim=-1)
    count = len(unit)
    return float((unit.sum(dim=0).square().sum() - count) / (count * (count - 1)))


def effective_rank(vectors: Tensor) -> float:
    """Return the effective rank of [n, width] (Roy and Vetterli 2007): near 1, vectors differ in one direction only.

    The exponential of the entropy of the singular values of the centred vectors.
    """
    values = torch.linalg.svdvals(vectors.float() - vectors.float().mean(dim=0))
    shares = values / values.sum().clamp_min(1e-12)
    return float(torch.exp(-torch.special.xlogy(shares, shares).sum()))


def vector_statistics(vectors: Tensor, present: Tensor, streams: tuple[Modality, ...]) -> dict[str, float]:
    """Return mean cosine and effective rank of each modality, and the cosine of each pair in the same product.

    Args:
        vectors: [B, streams, width].
        present: [B, streams] bool.
        streams: Their names.
    """
    found: dict[str, float] = {}
    for at, name in enumerate(streams):
        own = vectors[present[:, at], at]
        if len(own) > 1:
            found[f"cosine of different products/{name}"] = mean_cosine(own)
            found[f"effective rank/{name}"] = effective_rank(own)
        for other in range(at + 1, len(streams)):
            both = present[:, at] & present[:, other]
            if bool(both.any()):
                same = F.cosine_similarity(vectors[both, at].float(), vectors[both, other].float(), dim=-1)
                found[f"cosine of the same product/{name}-{streams[other]}"] = float(same.mean())
    return found
