"""The vocabulary and audio statistics, fitted on the training split before training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MediaError
from scale.data.audio import mfcc_blocks
from scale.data.shard_folder import ShardFile
from scale.data.shard_reader import RawSample, readable_samples
from scale.data.tokens import CorpusVocabulary, Vocabulary, load_bert_vocabulary
from scale.training_recipe import InputSettings

__all__ = ["Fitted", "fit", "load_fitted"]

MAX_CLIPS = 512
"""Maximum number of audio clips from which the statistics are taken."""


@dataclass(frozen=True)
class Fitted:
    """Vocabulary and audio statistics; saved with every checkpoint."""

    vocabulary: Vocabulary
    audio_mean: NDArray[np.float32]
    """[audio width], or [1] for mel."""
    audio_std: NDArray[np.float32]

    def state(self) -> dict[str, Any]:
        """Return plain values that ``load_fitted`` reads."""
        entries = list(self.vocabulary.entries) if isinstance(self.vocabulary, CorpusVocabulary) else None
        return {"entries": entries, "audio_mean": self.audio_mean.tolist(), "audio_std": self.audio_std.tolist()}


def load_fitted(state: Mapping[str, Any], settings: InputSettings) -> Fitted:
    """Rebuild a ``Fitted`` from its ``state``.

    Raises:
        SettingsError: The BERT vocabulary no longer exists.
    """
    entries = state["entries"]
    vocabulary = CorpusVocabulary(tuple(entries)) if entries else load_bert_vocabulary(settings.bert_vocabulary)
    mean, std = (np.asarray(state[name], np.float32) for name in ("audio_mean", "audio_std"))
    return Fitted(vocabulary, mean, std)


def fit(shards: Sequence[ShardFile], settings: InputSettings, limit: int) -> Fitted:
    """Fit to the facts of at most ``limit`` samples; unreadable ones are skipped (the loader counts them).

    Raises:
        SettingsError: There is no such BERT vocabulary.
    """
    texts: list[str] = []
    sounds: list[NDArray[np.float32]] = []
    for _, _, sample in islice(readable_samples(shards, media=False), limit):
        texts += [sample.caption or "", *(text for pair in sample.specs for text in pair)]
        texts += sample.image_text if settings.image_text else ()
        texts += [sample.description] if settings.description and sample.description else ()
        if settings.audio == "mfcc" and len(sounds) < MAX_CLIPS:
            sounds += _sound(sample, settings)
    corpus = settings.tokens == "corpus"
    vocabulary = CorpusVocabulary.count(texts, settings.vocabulary) if corpus else None
    mean, std = _spread(sounds, settings)
    return Fitted(vocabulary or load_bert_vocabulary(settings.bert_vocabulary), mean, std)


def _sound(sample: RawSample, settings: InputSettings) -> list[NDArray[np.float32]]:
    try:
        return [mfcc_blocks(sample.mfcc, settings.audio_tokens, settings.mfcc)] if sample.mfcc is not None else []
    except MediaError:
        return []


def _spread(
    sounds: list[NDArray[np.float32]], settings: InputSettings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean and deviation of each element of a token; mel bands are already standardised."""
    width = settings.audio_shape[1] if settings.audio == "mfcc" else 1
    if not sounds:
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    values = np.concatenate(sounds).reshape(-1, width)
    return values.mean(axis=0), np.maximum(values.std(axis=0), 1e-3)
