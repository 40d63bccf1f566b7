"""Vocabularies that turn text into token ids: one counted in the training split, or BERT's."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from core.errors import SettingsError
from core.segmentation import cut_words

__all__ = [
    "CLS",
    "MASK",
    "PAD",
    "SEP",
    "SPECIAL",
    "UNKNOWN",
    "CorpusVocabulary",
    "Vocabulary",
    "bert_order",
    "load_bert_vocabulary",
    "table_tokens",
]

PAD, UNKNOWN, CLS, SEP, MASK = range(5)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Special tokens, which every vocabulary has first, in this order."""


class Vocabulary(Protocol):
    """Mapping of text to ids; the ids of ``SPECIAL`` come first."""

    @property
    def size(self) -> int:
        """Number of ids."""

    @property
    def digest(self) -> str:
        """A hash of all entries."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, none of them special except ``UNKNOWN``."""


@dataclass(frozen=True)
class CorpusVocabulary:
    """Characters, and words of several characters, of a corpus."""

    entries: tuple[str, ...]
    """Entries after the special ones, by id."""

    @classmethod
    def count(cls, texts: Iterable[str], limit: int) -> "CorpusVocabulary":
        """Build a vocabulary of at most ``limit`` ids from a corpus: its characters, and jieba's words that recur.

        Characters come first, so that rare words can be spelt. Both are sorted by frequency, then by code point.
        """
        words: Counter[str] = Counter()
        for text in texts:
            words.update(_words(text))
        characters: Counter[str] = Counter()
        for word, times in words.items():
            characters.update(dict.fromkeys(word, times) if len(set(word)) == len(word) else _repeat(word, times))
        longer = Counter({word: times for word, times in words.items() if len(word) > 1 and times > 1})
        entries = [entry for counts in (characters, longer) for entry in sorted(counts, key=lambda e: (-counts[e], e))]
        return cls(tuple(entries[: limit - len(SPECIAL)]))

    @property
    def size(self) -> int:
        """Number of ids, special ones included."""
        return len(SPECIAL) + len(self.entries)

    @property
    def digest(self) -> str:
        """A hash of all entries."""
        return hashlib.sha256(json.dumps(self.entries).encode()).hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text: each word whole if it is known, else character by character."""
        return [number for word in _words(text) for number in self._spell(word)]

    def _spell(self, word: str) -> list[int]:
        known = self._ids.get(word)
        return [known] if known is not None else [self._ids.get(character, UNKNOWN) for character in word]

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {entry: number for number, entry in enumerate(self.entries, start=len(SPECIAL))}


class _BertVocabulary:
    """A BERT vocabulary with its special ids moved to the front."""

    def __init__(self, name: str) -> None:
        from transformers import BertTokenizer  # noqa: PLC0415 - loads torch, which the corpus vocabulary does not need

        self._tokenizer = BertTokenizer.from_pretrained(name)
        words = self._tokenizer.get_vocab()
        special = [words[word] for word in SPECIAL]
        self.order = [*special, *sorted(set(words.values()) - set(special))]
        """BERT's own id of each of our ids."""
        self._ids = {old: new for new, old in enumerate(self.order)}

    @property
    def size(self) -> int:
        return len(self._ids)

    @property
    def digest(self) -> str:
        text = json.dumps(sorted(self._tokenizer.get_vocab().items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        return [self._ids[number] for number in self._tokenizer.encode(text, add_special_tokens=False)]


def load_bert_vocabulary(name: str) -> Vocabulary:
    """Load a BERT vocabulary from a local folder, or by its name on the hub.

    Raises:
        SettingsError: There is none, or it lacks the special tokens.
    """
    try:
        return _BertVocabulary(name)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"input.bert_vocabulary: {name!r} is not the folder or hub name of a BERT vocabulary: "
            f'{str(error).splitlines()[0]}. Download it first, or use tokens = "corpus".'
        ) from None


def bert_order(name: str) -> list[int]:
    """Return BERT's own id of each of our ids.

    Raises:
        OSError, ValueError, KeyError, TypeError: There is no such vocabulary, or it lacks the special tokens.
    """
    return _BertVocabulary(name).order


def _repeat(word: str, times: int) -> Counter[str]:
    return Counter({character: count * times for character, count in Counter(word).items()})


def _words(text: str) -> list[str]:
    return [piece for piece in cut_words(text.lower()) if not piece.isspace()]


def table_tokens(specs: Sequence[tuple[str, str]], vocabulary: Vocabulary, limit: int) -> tuple[list[int], list[int]]:
    """Return ids and parts of a table: [CLS] name value [SEP] name value [SEP] …, cut at ``limit``.

    A token's part is 1 + 2 i in the name of row i, 2 + 2 i in its value, and 0 elsewhere.
    """
    ids, parts = [CLS], [0]
    for row, pair in enumerate(specs):
        for side, text in enumerate(pair):
            pieces = vocabulary.encode(text)
            ids += pieces
            parts += [1 + 2 * row + side] * len(pieces)
        ids.append(SEP)
        parts.append(0)
        if len(ids) >= limit:
            break
    return ids[:limit], parts[:limit]
