"""Modality correlation: how alike the vectors of an image and its text are."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from scale.data.batches import Batches
from scale.data.tensors import Batch
from scale.evaluation.features import read_features
from scale.evaluation.model import Model

__all__ = ["correlation"]


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
