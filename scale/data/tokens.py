"""Vocabularies that turn text into token ids: one counted in the training split, or BERT's."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from unicodedata import normalize

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from core.chinese_script import to_simplified
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
    "words_of",
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
    """Characters, words and parts of words of a corpus; one spelling of each width, case and Chinese script."""

    entries: tuple[str, ...]
    """Entries after the special ones, by id."""

    @classmethod
    def count(cls, texts: Iterable[str], limit: int) -> "CorpusVocabulary":
        """Build a vocabulary of at most ``limit`` ids from a corpus: its characters, then words and parts of words.

        Byte-pair encoding (Sennrich et al. 2016) joins what recurs within words: a word that occurs twice is whole if
        there is room, and an unknown one is spelt in parts that other words share.
        """
        room = limit - len(SPECIAL)
        trainer = BpeTrainer(vocab_size=room, min_frequency=2, limit_alphabet=room, show_progress=False)
        learner = Tokenizer(BPE())
        learner.train_from_iterator((word for text in texts for word in words_of(text)), trainer)
        numbers = learner.get_vocab()
        return cls(tuple(sorted(numbers, key=numbers.__getitem__)))

    @property
    def size(self) -> int:
        """Number of ids, special ones included."""
        return len(SPECIAL) + len(self.entries)

    @property
    def digest(self) -> str:
        """A hash of all entries."""
        return hashlib.sha256(json.dumps(self.entries).encode()).hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text: each word whole if it is known, else by its longest known parts from the left."""
        return [number for word in words_of(text) for number in self._spell(word)]

    def _spell(self, word: str) -> Iterator[int]:
        start = 0
        while start < len(word):
            ends = range(min(len(word), start + self._longest), start, -1)
            end = next((end for end in ends if word[start:end] in self._ids), start + 1)
            yield self._ids.get(word[start:end], UNKNOWN)
            start = end

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.entries), default=1)

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
        return [self._ids[number] for number in self._tokenizer.encode(plain_text(text), add_special_tokens=False)]


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


_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_DASHES = re.compile("[\u2010-\u2015\u2212\u301c]")
_QUOTES = {
    ord(mark): plain
    for marks, plain in (("\u2018\u2019\u201b\u2032", "'"), ("\u201c\u201d\u2033", '"'))
    for mark in marks
}


def plain_text(text: str) -> str:
    """Return a text in one spelling of its characters: NFKC, without invisible ones, with plain dashes and quotes."""
    if text.isascii():
        return text
    return _DASHES.sub("-", normalize("NFKC", _INVISIBLE.sub("", text))).translate(_QUOTES)


def words_of(text: str) -> list[str]:
    """Return the words of a text in one spelling (``plain_text``), lower case and simplified characters."""
    folded = to_simplified(plain_text(text).casefold())
    return [piece for piece in cut_words(folded) if not piece.isspace()]


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
