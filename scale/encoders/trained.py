"""The encoder ``scale``: the feature of a trained model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scale.data.sample_encoder import SampleEncoder
from scale.data.shard_reader import RawSample
from scale.data.tensors import make_batch
from scale.encoders.frozen import FrozenEncoders
from scale.encoders.paper import Listing, ReadObject, batches, read_image
from scale.evaluation.features import load_model

__all__ = ["TrainedEncoder"]


class TrainedEncoder:
    """Encoder of caption, specifications and image, not video or audio, by a checkpoint of ``m5data train``."""

    def __init__(self, checkpoint: str | Path, device: str | None = None) -> None:
        """Load the checkpoint.

        Raises:
            MissingInputError: There is none.
            DataError: Another version wrote it.
        """
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = load_model(Path(checkpoint), self.device)
        inputs = self.model.recipe.input
        frozen = FrozenEncoders(inputs, None, str(self.device)).features if inputs.frozen else None
        self.samples = SampleEncoder(inputs, self.model.fitted, features=frozen)

    @property
    def dimensions(self) -> int:
        """Width of the model, or of its feature layer if it was fine-tuned."""
        sizes = self.model.recipe.model
        return sizes.width if self.model.classifier is None else sizes.feature_width

    def encode(self, listings: Sequence[Listing], read: ReadObject) -> NDArray[np.float32]:
        """Return [len(listings), dimensions]; listings without any modality that the model sees are zeros."""
        parts = [self._batch(part, read) for part in batches(listings)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), np.float32)

    @torch.inference_mode()
    def _batch(self, listings: Sequence[Listing], read: ReadObject) -> NDArray[np.float32]:
        encoded = self.samples.encode([_raw(listing, read) for listing in listings], first=0)
        batch = make_batch(encoded, self.model.recipe.objective, self.device)
        vectors = self.model.feature(batch) * batch["present"].any(dim=1, keepdim=True)
        features: NDArray[np.float32] = vectors.float().cpu().numpy()
        return features


def _raw(listing: Listing, read: ReadObject) -> RawSample:
    return RawSample(
        product_id=listing.product_id,
        label=None,
        group_id="",
        caption=listing.caption,
        specs=listing.specs,
        image=read_image(listing, read),
        frames=(),
        audio=None,
        mfcc=None,
    )
