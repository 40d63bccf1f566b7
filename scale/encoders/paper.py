"""The encoder ``paper``: ResNet-50 and BERT-base, with which M5Product's candidates were searched."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

import media
from core.errors import MediaError, SettingsError
from media.image import StandardLimits
from scale.encoders.whole import load_whole

__all__ = ["BATCH", "BERT", "RESNET", "Listing", "PaperEncoder", "ReadObject", "read_image"]

BATCH = 32
"""Listings on the device at a time."""

ReadObject = Callable[[str], bytes]
"""SHA-256 of an object -> its bytes."""


class Listing(Protocol):
    """One product; absent modalities are None or empty."""

    @property
    def product_id(self) -> str:
        """Its id."""

    @property
    def caption(self) -> str | None:
        """Its title."""

    @property
    def specs(self) -> Sequence[tuple[str, str]]:
        """Property and value, in order."""

    @property
    def image(self) -> str | None:
        """SHA-256 of its main image."""


def read_image(listing: Listing, read: ReadObject) -> bytes | None:
    """Return the bytes of a listing's main image."""
    return read(listing.image) if listing.image else None


def batches(listings: Sequence[Listing]) -> Iterable[Sequence[Listing]]:
    """Yield the listings in batches."""
    for start in range(0, len(listings), BATCH):
        yield listings[start : start + BATCH]


RESNET = "microsoft/resnet-50"
BERT = "bert-base-chinese"
TOKENS = 36
SIDE, CROP = 256, 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pixels of ImageNet, which ResNet was trained on."""


class PaperEncoder:
    """Pooled ResNet-50 features of the image, concatenated with BERT's [CLS] of the caption.

    The paper concatenates both and takes cosines; it does not say whether either was scaled first. Here
    each has length 1, so that both weigh the same. Absent modalities, and images that cannot be decoded,
    are zeros.
    """

    def __init__(self, resnet: str = RESNET, bert: str = BERT, device: str | None = None) -> None:
        """Load both networks: from local folders, or by their names on the hub.

        Raises:
            SettingsError: One cannot be loaded.
        """
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.resnet, self.bert = (
            _load(partial(load_whole, AutoModel), name).to(self.device) for name in (resnet, bert)
        )
        self.words = _load(AutoTokenizer.from_pretrained, bert)
        self.widths = self.resnet.config.hidden_sizes[-1], self.bert.config.hidden_size

    @property
    def dimensions(self) -> int:
        """Length of a vector: with the paper's networks, 2,048 of the image and 768 of the caption."""
        return sum(self.widths)

    def encode(self, listings: Sequence[Listing], read: ReadObject) -> NDArray[np.float32]:
        """Return [len(listings), dimensions]."""
        parts = [self._batch(part, read) for part in batches(listings)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), np.float32)

    @torch.inference_mode()
    def _batch(self, listings: Sequence[Listing], read: ReadObject) -> NDArray[np.float32]:
        features = torch.zeros(len(listings), self.dimensions)
        pictures = [(row, _pixels(read_image(listing, read))) for row, listing in enumerate(listings)]
        seen = [(row, pixels) for row, pixels in pictures if pixels is not None]
        if seen:
            pooled = self.resnet(torch.stack([pixels for _, pixels in seen]).to(self.device)).pooler_output
            features[[row for row, _ in seen], : self.widths[0]] = F.normalize(pooled.flatten(1), dim=1).cpu()
        captions = [(row, listing.caption) for row, listing in enumerate(listings) if listing.caption]
        if captions:
            texts = [caption for _, caption in captions]
            ids = self.words(texts, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
            first = self.bert(**ids.to(self.device)).last_hidden_state[:, 0]
            features[[row for row, _ in captions], self.widths[0] :] = F.normalize(first, dim=1).cpu()
        vectors: NDArray[np.float32] = features.numpy()
        return vectors


def _load(load: Callable[[str], Any], name: str) -> Any:  # noqa: ANN401 - transformers' factories return what the folder holds
    try:
        return load(name)
    except (OSError, ValueError) as error:
        where = "local folder" if Path(name).is_absolute() else "name on the hub, or local folder"
        raise SettingsError(
            f"encoder paper: {name!r} is not a network ({where}): {str(error).splitlines()[0]}. Download it first."
        ) from None


def _pixels(payload: bytes | None) -> Tensor | None:
    """Return an image as ResNet reads it: shorter side 256, central 224 x 224, standardised: [3, 224, 224]."""
    if payload is None:
        return None
    try:
        picture = media.read_image(payload, enough=SIDE)
    except MediaError:
        return None
    scale = SIDE / min(picture.size)
    size = max(round(picture.width * scale), SIDE), max(round(picture.height * scale), SIDE)
    if size[0] * size[1] > StandardLimits().max_pixels:  # a very narrow image would fill the memory
        return None
    whole = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = (whole.width - CROP) // 2, (whole.height - CROP) // 2
    pixels = np.asarray(whole.crop((left, top, left + CROP, top + CROP)), np.float32) / 255
    return torch.from_numpy(((pixels - MEAN) / DEVIATION).astype(np.float32)).permute(2, 0, 1)
