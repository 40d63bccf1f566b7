"""Encoding of raw samples as arrays; unusable media count as absent."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import MediaError
from scale.data.audio import mel_bands, mfcc_blocks
from scale.data.fit_vocabulary import Fitted
from scale.data.images import Regions, flat_frame, grid_boxes, patches
from scale.data.shard_reader import RawSample
from scale.data.tokens import CLS, SEP, table_tokens
from scale.training_recipe import MODALITIES, InputSettings, Modality

__all__ = ["ARRAYS", "Encoded", "Feature", "SampleEncoder", "take"]

ARRAYS = (
    "text_ids",
    "table_ids",
    "table_part",
    "text_features",
    "text_count",
    "table_features",
    "table_count",
    "image",
    "image_box",
    "image_count",
    "video",
    "video_count",
    "audio",
    "audio_count",
    "present",
    "index",
)


@dataclass(frozen=True)
class Encoded:
    """Samples as arrays, whose first axis counts them.

    - ``text_ids`` [n, text_tokens] int32, ``table_ids`` and ``table_part`` [n, table_tokens] int32; PAD after the end
    - ``text_features``, ``table_features`` [n, tokens, width] float32 of a named encoder, or [n, 0, 0];
      ``text_count``, ``table_count`` [n] int32
    - ``image`` [n, image_tokens, image_width] uint8 pixels (features: float32), ``image_box`` [n, image_tokens, 5]
      float32, ``image_count`` [n] int32: number of tokens present
    - ``video`` [n, frames, video_width] uint8 (features: float32), ``video_count`` [n] int32
    - ``audio`` [n, audio tokens, audio width] float32, ``audio_count`` [n] int32
    - ``present`` [n, 5] bool, in the order of ``MODALITIES``; absent modalities are zeros
    - ``index`` [n] int64: number of the sample in its split
    """

    arrays: Mapping[str, NDArray[np.generic]]
    product_ids: Sequence[str]
    labels: Sequence[str | None]
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> samples, or modalities of samples, that could not be read."""

    def __len__(self) -> int:
        return len(self.product_ids)


def take(parts: Sequence[Encoded], rows: Sequence[tuple[int, int]]) -> Encoded:
    """Return the samples at (part, row), in that order."""
    arrays = {name: np.stack([parts[part].arrays[name][row] for part, row in rows]) for name in ARRAYS}
    return Encoded(
        arrays,
        [parts[part].product_ids[row] for part, row in rows],
        [parts[part].labels[row] for part, row in rows],
    )


@dataclass(frozen=True, slots=True)
class Feature:
    """Output of a named encoder for one modality of a sample; unreadable media have no states."""

    states: NDArray[np.float32]
    """[n, width], n at most the encoder's ``tokens``."""
    boxes: NDArray[np.float32]
    """[n, 5]: x1, y1, x2, y2 and area, as shares of the image; the whole image if states have no places."""


Features = Mapping[Modality, Sequence[Feature | None]]
"""Modality -> the feature of each sample; None if it lacks the modality."""
Row = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class SampleEncoder:
    """Encoder of samples by a recipe's input settings; may be sent to other processes."""

    settings: InputSettings
    fitted: Fitted
    regions: Regions | None = None
    features: Callable[[Sequence[RawSample]], Features] | None = None
    """Frozen encoders of some modalities."""

    def encode(self, samples: Sequence[RawSample], first: int) -> Encoded:
        """Return the samples as arrays; ``first`` is the number of the first one in its split."""
        skipped: Counter[str] = Counter()
        features = self.features(samples) if self.features else {}
        rows = [
            _Encoding(self, sample, skipped, {name: found[at] for name, found in features.items()}).row(first + at)
            for at, sample in enumerate(samples)
        ]
        arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        labels = [sample.label for sample in samples]
        return Encoded(arrays, [sample.product_id for sample in samples], labels, dict(sorted(skipped.items())))


@dataclass
class _Encoding:
    """The encoding of one sample."""

    by: SampleEncoder
    sample: RawSample
    skipped: Counter[str]
    features: Mapping[Modality, Feature | None]
    present: dict[str, bool] = field(default_factory=dict)

    def row(self, index: int) -> Row:
        arrays = {**self._text(), **self._table(), **self._image(), **self._video(), **self._audio()}
        present = np.array([self.present[name] for name in MODALITIES])
        return {**arrays, "present": present, "index": np.array(index, np.int64)}

    def _text(self) -> Row:
        caption, settings = self.sample.caption, self.by.settings
        in_images = " ".join(self.sample.image_text) if settings.image_text else ""
        further = [text for text in (self.sample.description if settings.description else None, in_images) if text]
        self.present["text"] = bool(caption or further)
        encode = self.by.fitted.vocabulary.encode
        ids = [CLS, *encode(caption or "")] if caption or further else []
        for text in further:
            ids += [SEP, *encode(text)]
        return {"text_ids": _padded(ids, settings.text_tokens), **self._named("text")}

    def _table(self) -> Row:
        specs, limit = self.sample.specs, self.by.settings.table_tokens
        self.present["table"] = bool(specs)
        ids, parts = table_tokens(specs, self.by.fitted.vocabulary, limit) if specs else ([], [])
        return {"table_ids": _padded(ids, limit), "table_part": _padded(parts, limit), **self._named("table")}

    def _named(self, name: Modality) -> Row:
        """Return the features of a text or table; without a named encoder they are empty."""
        if name not in self.features:
            return {f"{name}_features": np.zeros((0, 0), np.float32), f"{name}_count": np.array(0, np.int32)}
        states, count = self._states(name)
        return {f"{name}_features": states, f"{name}_count": count}

    def _states(self, name: Modality) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return the states of a named encoder, padded with zeros, and their number."""
        encoder, feature = self.by.settings.encoders[name], self.features[name]
        states = np.zeros((encoder.tokens, encoder.width), np.float32)
        count = len(feature.states) if feature is not None else 0
        if feature is not None and count:
            states[:count] = feature.states
        elif feature is not None:
            self.skipped[f"{name}_unreadable"] += 1
        self.present[name] = count > 0
        return states, np.array(count, np.int32)

    def _image(self) -> Row:
        settings = self.by.settings
        if "image" in self.features:
            states, count = self._states("image")
            boxes = np.zeros((len(states), 5), np.float32)
            if (feature := self.features["image"]) is not None:
                boxes[: len(feature.boxes)] = feature.boxes
            return {"image": states, "image_box": boxes, "image_count": count}
        dtype = np.uint8 if settings.image == "patches" else np.float32
        image = np.zeros((settings.image_tokens, settings.image_width), dtype)
        boxes = np.zeros((settings.image_tokens, 5), np.float32)
        tokens, places = self._picture()
        image[: len(tokens)], boxes[: len(tokens)] = tokens, places
        self.present["image"] = bool(len(tokens))
        return {"image": image, "image_box": boxes, "image_count": np.array(len(tokens), np.int32)}

    def _picture(self) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
        settings, nothing = self.by.settings, (np.empty((0, 1)), np.empty((0, 5), np.float32))
        if self.by.regions is not None:
            return self.by.regions.of(self.sample.product_id, settings.image_tokens)
        if not self.sample.image:
            return nothing
        try:
            return patches(self.sample.image, settings.grid, settings.patch), grid_boxes(settings.grid)
        except MediaError as error:
            self.skipped[error.reason] += 1
            return nothing

    def _video(self) -> Row:
        settings = self.by.settings
        if "video" in self.features:
            states, count_seen = self._states("video")
            return {"video": states, "video_count": count_seen}
        video = np.zeros((settings.frames, settings.video_width), np.uint8)
        count = 0
        for payload in self.sample.frames[: settings.frames]:
            try:
                video[count] = flat_frame(payload, settings.frame_side)
                count += 1
            except MediaError as error:
                self.skipped[error.reason.replace("an_image", "a_frame").replace("image", "frame")] += 1
        self.present["video"] = count > 0
        return {"video": video, "video_count": np.array(count, np.int32)}

    def _audio(self) -> Row:
        if "audio" in self.features:
            states, count = self._states("audio")
            return {"audio": states, "audio_count": count}
        fitted, sound = self.by.fitted, None
        try:
            sound = self._sound()
        except MediaError as error:
            self.skipped[error.reason] += 1
        self.present["audio"] = sound is not None
        if sound is None:
            return {"audio": np.zeros(self.by.settings.audio_shape, np.float32), "audio_count": np.array(0, np.int32)}
        standard = ((sound - fitted.audio_mean) / fitted.audio_std).astype(np.float32)
        return {"audio": standard, "audio_count": np.array(len(standard), np.int32)}

    def _sound(self) -> NDArray[np.float32] | None:
        settings, sample = self.by.settings, self.sample
        if settings.audio == "mel":
            return mel_bands(sample.audio, settings.mel_seconds) if sample.audio else None
        return mfcc_blocks(sample.mfcc, settings.audio_tokens, settings.mfcc) if sample.mfcc is not None else None


def _padded(ids: Sequence[int], length: int) -> NDArray[np.int32]:
    row = np.zeros(length, np.int32)
    row[: len(ids)] = ids[:length]
    return row
