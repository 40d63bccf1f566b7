"""Conversion of encoded samples to the batch that the model reads."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from scale.data.sample_encoder import Encoded
from scale.data.tokens import CLS, PAD
from scale.training_recipe import MODALITIES, ObjectiveSettings

__all__ = ["NO_LABEL", "Batch", "make_batch"]

Batch: TypeAlias = dict[str, Tensor]

NO_LABEL = -1


def make_batch(
    encoded: Encoded, objective: ObjectiveSettings, device: torch.device, classes: Mapping[str, int] | None = None
) -> Batch:
    """Return the batch of some samples, on ``device``.

    It has B samples, and for every modality of ``objective.streams`` (a mask is True where there is a token):

    - ``text``, ``table``: [B, L] int64 token ids, [CLS] first; ``text_part``, ``table_part`` [B, L] int64: 1 + 2 i in
      the name of row i of the table, 2 + 2 i in its value, else 0. L is ``text_tokens`` or ``table_tokens``; with
      ``stack_table`` the text is both, concatenated. With an encoder of ``input.encoders``: [B, tokens, width] float32
    - ``image``: [B, image_tokens, image_width] float32, pixels from -1 to 1; ``image_box`` [B, image_tokens, 5]
    - ``video``: [B, frames, video_width] float32, pixels from -1 to 1, in order of time
    - ``audio``: [B, audio tokens, audio width] float32, standardised
    - ``text_mask``, ``table_mask``, ``image_mask``, ``video_mask``, ``audio_mask``: [B, tokens] bool
    - ``present``: [B, streams] bool, in the order of ``objective.streams``
    - ``index``: [B] int64, number of the sample in its split
    - ``label``: [B] int64, by ``classes``; -1 where a label is not among them

    An absent modality is zeros, its mask False; with ``missing = "released"`` its mask is True, and it counts as
    present.
    """
    arrays = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in encoded.arrays.items()}
    there: dict[str, Tensor] = {name: arrays["present"][:, at] for at, name in enumerate(MODALITIES)}
    batch = {**_texts(arrays, there, objective), **_features(arrays)}
    if objective.stack_table:
        there["text"] = there["text"] | there["table"]
    present = torch.stack([there[name] for name in objective.streams], dim=1)
    if objective.missing == "released":
        for at, name in enumerate(objective.streams):
            batch[f"{name}_mask"] = batch[f"{name}_mask"] | ~present[:, at, None]
        present = torch.ones_like(present)
    labels = [NO_LABEL if label is None else (classes or {}).get(label, NO_LABEL) for label in encoded.labels]
    batch |= {"present": present, "index": arrays["index"], "label": torch.tensor(labels)}
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def _texts(arrays: Batch, there: Mapping[str, Tensor], objective: ObjectiveSettings) -> Batch:
    text, table, part = (arrays[name].long() for name in ("text_ids", "table_ids", "table_part"))
    if not objective.stack_table:
        rows: Sequence[tuple[str, Tensor, Tensor]] = (
            ("text", text, torch.zeros_like(text)),
            ("table", table, part),
        )
    else:
        both = torch.cat([text, table], dim=1)
        both[:, 0] = torch.where(there["text"] | there["table"], CLS, PAD)
        rows = (("text", both, torch.cat([torch.zeros_like(text), part], dim=1)),)
    words = {
        key: tensor
        for name, ids, parts in rows
        for key, tensor in ((name, ids), (f"{name}_mask", ids != PAD), (f"{name}_part", parts))
    }
    encoded = [name for name in ("text", "table") if arrays[f"{name}_features"].shape[1]]
    features = {name: arrays[f"{name}_features"] for name in encoded}
    masks = {f"{name}_mask": _first(arrays[f"{name}_count"], features[name].shape[1]) for name in encoded}
    return {**words, **features, **masks}


def _features(arrays: Batch) -> Batch:
    return {
        "image": _scaled(arrays["image"]),
        "image_box": arrays["image_box"],
        "image_mask": _first(arrays["image_count"], arrays["image"].shape[1]),
        "video": _scaled(arrays["video"]),
        "video_mask": _first(arrays["video_count"], arrays["video"].shape[1]),
        "audio": arrays["audio"],
        "audio_mask": _first(arrays["audio_count"], arrays["audio"].shape[1]),
    }


def _scaled(pixels: Tensor) -> Tensor:
    """Return pixels scaled to -1 to 1; features, which are floats, unchanged."""
    return pixels.float() / 127.5 - 1 if pixels.dtype == torch.uint8 else pixels


def _first(counts: Tensor, length: int) -> Tensor:
    return torch.arange(length) < counts[:, None]
