"""How alike two texts are: the share of character runs that they have in common."""

__all__ = ["SHINGLE", "alike", "shingles"]

SHINGLE = 2
"""Characters of a run: two, since most Chinese words have two."""


def shingles(text: str) -> frozenset[str]:
    """Return the runs of two characters of a normalised text; of a shorter text, the text itself."""
    if len(text) < SHINGLE:
        return frozenset({text} if text else ())
    return frozenset(text[start : start + SHINGLE] for start in range(len(text) - SHINGLE + 1))


def alike(one: str, other: str) -> float:
    """Return the Jaccard similarity of the runs of two normalised texts, 0 to 1; 0 where one is empty."""
    left, right = shingles(one), shingles(other)
    return len(left & right) / len(left | right) if left and right else 0.0
