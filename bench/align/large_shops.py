"""Two synthetic shops of thousands of sub-classes, for the clock only: no truth is known of them."""

from importlib import resources

import numpy as np

from align import Category

__all__ = ["make_shops"]

_VOCABULARY = 30_000
_HEADS = 700


def make_shops(sub_classes: int, characters: int, seed: int = 0) -> dict[Category, list[str]]:
    """Return the categories of two shops, all in one class, each with titles of so many characters.

    Names are one or two of a few hundred heads of two characters, so that many are alike; titles are words of
    jieba's dictionary by a long-tailed law, each category with words of its own, without spaces.

    Args:
        sub_classes: Categories of each shop.
        characters: Least characters of titles of each category.
        seed: Of everything random.
    """
    random = np.random.default_rng(seed)
    lines = (resources.files("jieba") / "dict.txt").read_text("utf-8").splitlines()
    words = [word for word in (line.split(" ")[0] for line in lines) if 2 <= len(word) <= 4]
    vocabulary = random.choice(words, _VOCABULARY, replace=False)
    heads = [word for word in vocabulary if len(word) == 2][:_HEADS]
    names = sorted({"".join(random.choice(heads, random.integers(1, 3))) for _ in range(4 * sub_classes)})
    shops: dict[Category, list[str]] = {}
    for source in ("north", "south"):
        for name in random.choice(names, sub_classes, replace=False):
            shops[Category(source, ("百货", str(name)))] = _titles(random, vocabulary, str(name), characters)
    return shops


def _titles(random: np.random.Generator, vocabulary: np.ndarray, name: str, characters: int) -> list[str]:
    """Return titles of twelve words, the category's own words more often than others."""
    own = random.choice(vocabulary, 60)
    count = characters // 20
    ranks = random.zipf(1.3, size=(count, 12)) % len(vocabulary)
    drawn = np.where(random.random((count, 12)) < 0.7, random.choice(own, (count, 12)), vocabulary[ranks])
    titles = ["".join(row) + name for row in drawn]
    while sum(map(len, titles)) + len(titles) < characters:
        titles += titles[: max(1, len(titles) // 10)]
    return titles
