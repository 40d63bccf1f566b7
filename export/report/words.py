"""The words of captions: how often each occurs, and where it goes in a cloud."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import cos, sin, sqrt

from m5data.segmentation import count_words, has_chinese

__all__ = ["Placed", "commonest_words", "lay_out"]

_WIDTH, _HEIGHT = 900.0, 320.0
_LARGEST, _SMALLEST = 58.0, 10.0
_STEPS = 4000  # of the spiral; a word that finds no room until then is left out


@dataclass(frozen=True, slots=True)
class Placed:
    """A word in the cloud; the cloud is 900 by 320, its middle at 0, 0."""

    word: str
    size: float
    """Of its letters."""
    x: float
    """Middle of the word."""
    y: float
    width: float

    def meets(self, other: "Placed") -> bool:
        """Tell whether two words would lie over each other."""
        apart = abs(self.x - other.x) * 2 >= self.width + other.width
        return not (apart or abs(self.y - other.y) * 2 >= (self.size + other.size) * 1.05)

    @property
    def is_inside(self) -> bool:
        """Whether the whole word is in the cloud's frame."""
        return abs(self.x) * 2 + self.width <= _WIDTH and abs(self.y) * 2 + self.size <= _HEIGHT


def commonest_words(captions: Iterable[str], shown: int = 90) -> list[tuple[str, int]]:
    """Return the commonest words of captions, segmented by jieba where they are Chinese; numbers are no words."""
    words: Counter[str] = Counter()
    for caption in captions:
        words.update(count_words(caption, segment=has_chinese(caption)))
    named = [(word, times) for word, times in words.items() if not word.isdigit()]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))[:shown]


def lay_out(words: Sequence[tuple[str, int]]) -> list[Placed]:
    """Place words, commonest first, on a spiral from the middle; letters grow with the root of the count."""
    placed: list[Placed] = []
    for word, times in words:
        size = max(_LARGEST * sqrt(times / words[0][1]), _SMALLEST)
        width = size * sum(1.0 if ord(letter) > 0x2E80 else 0.6 for letter in word)
        room = next((p for p in _spiral(word, size, width) if p.is_inside and not any(map(p.meets, placed))), None)
        if room is not None:
            placed.append(room)
    return placed


def _spiral(word: str, size: float, width: float) -> Iterator[Placed]:
    for step in count():
        if step == _STEPS:
            return
        angle = 0.1 * step
        yield Placed(word, size, 2.8 * angle * cos(angle), angle * sin(angle), width)
