"""Features of frozen encoders, kept in Parquet so that each is computed once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from core.files import replacing
from scale.data.sample_encoder import Feature
from scale.data.shard_reader import RawSample
from scale.encoders.by_name import Encode, load_encoder
from scale.training_recipe import InputSettings, Modality

__all__ = ["FrozenEncoders"]

_READS: Mapping[Modality, Callable[[RawSample], Any]] = {
    "text": lambda sample: sample.caption,
    "table": lambda sample: "; ".join(f"{name}: {value}" for name, value in sample.specs),
    "image": lambda sample: sample.image,
    "video": lambda sample: list(sample.frames),
    "audio": lambda sample: sample.audio,
}


@dataclass
class FrozenEncoders:
    """The frozen encoders of a recipe (``input.encoders``), loaded when first used; may be sent to other processes.

    A file holds the features of some samples: ``product_id``, ``states`` (lists of ``width`` numbers) and ``boxes``
    (lists of 5). Its name is a hash of the encoder and its inputs, so recipes share files, and changed shards or
    weights make new ones.
    """

    inputs: InputSettings
    folder: Path | None
    """Folder of the files; None: features are not kept."""
    device: str = "cpu"
    _loaded: dict[Modality, Encode] = field(default_factory=dict)

    def features(self, samples: Sequence[RawSample]) -> dict[Modality, list[Feature | None]]:
        """Return the features of each modality with an encoder; None where a sample lacks the modality."""
        return {name: self._of(name, samples) for name, encoder in self.inputs.encoders.items() if not encoder.trained}

    def _of(self, name: Modality, samples: Sequence[RawSample]) -> list[Feature | None]:
        inputs = [_READS[name](sample) for sample in samples]
        there = [row for row, read in enumerate(inputs) if read]
        if not there:
            return [None] * len(samples)
        path = self.folder and self.folder / name / f"{self._digest(name, [inputs[row] for row in there])}.parquet"
        if path and path.exists():
            found = _read(path)
        else:
            found = self._encode(name, [inputs[row] for row in there])
            if path:
                _write(path, [samples[row].product_id for row in there], found, self.inputs.encoders[name].width)
        by_row = dict(zip(there, found, strict=True))
        return [by_row.get(row) for row in range(len(samples))]

    def _encode(self, name: Modality, inputs: Sequence[Any]) -> list[Feature]:
        if name not in self._loaded:
            encoder, device = self.inputs.encoders[name], torch.device(self.device)
            self._loaded[name] = load_encoder(encoder, name, self.inputs.mel_seconds, device)
        return self._loaded[name](inputs)

    def _digest(self, name: Modality, inputs: Sequence[Any]) -> str:
        encoder = self.inputs.encoders[name]
        digest = hashlib.sha256(f"{name} {encoder.model_dump_json()} {self.inputs.mel_seconds}".encode())
        for file in sorted(Path(encoder.network).glob("*")):  # a name on the hub has none
            digest.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}".encode())
        for part in inputs:
            for payload in part if isinstance(part, list) else [part]:
                digest.update(hashlib.sha256(payload.encode() if isinstance(payload, str) else payload).digest())
            digest.update(b";")
        return digest.hexdigest()[:32]


def _write(path: Path, ids: Sequence[str], features: Sequence[Feature], width: int) -> None:
    offsets = np.cumsum([0, *(len(feature.states) for feature in features)], dtype=np.int32)
    states = _joined([feature.states for feature in features], width)
    boxes = _joined([feature.boxes for feature in features], 5)
    columns = {"product_id": pa.array(ids), "states": _lists(offsets, states), "boxes": _lists(offsets, boxes)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, sync=False) as file:
        pq.write_table(pa.table(columns), file, compression="zstd")


def _joined(parts: Sequence[NDArray[np.float32]], width: int) -> NDArray[np.float32]:
    return np.concatenate([part.reshape(-1, width) if part.size else np.zeros((0, width), "f4") for part in parts])


def _lists(offsets: NDArray[np.int32], values: NDArray[np.float32]) -> pa.Array:
    rows = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    return pa.ListArray.from_arrays(pa.array(offsets), rows)


def _read(path: Path) -> list[Feature]:
    table = pq.read_table(path)
    return [Feature(_rows(states), _rows(boxes)) for states, boxes in zip(table["states"], table["boxes"], strict=True)]


def _rows(value: pa.ListScalar) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = value.values.flatten().to_numpy().reshape(-1, value.values.type.list_size)
    return rows
