"""Vectors of short texts from any folder of transformers or sentence-transformers, or a name on the hub."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from scale.encoders.whole import load_whole

__all__ = ["encode_texts"]

_AT_ONCE = 256


def encode_texts(network: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean of the last states of each text, scaled to length 1, [texts, width].

    Raises:
        OSError: There is no such network.
        ValueError: Its files lack weights.
    """
    tokenizer, model = AutoTokenizer.from_pretrained(network), load_whole(AutoModel, network)
    found = []
    for start in range(0, len(texts), _AT_ONCE):
        batch = tokenizer(list(texts[start : start + _AT_ONCE]), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            states = model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        means = (states * mask).sum(1) / mask.sum(1)
        found.append(torch.nn.functional.normalize(means).numpy())
    return np.concatenate(found).astype(np.float64)
