"""Lines of text in an image: one box each, joined from tiles, in reading order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Box", "TextLine", "in_reading_order", "without_repeats"]

Box = tuple[int, int, int, int, int, int, int, int]
"""x and y of the corners: top left, top right, bottom right, bottom left of the text; pixels of the upright image."""
Bounds = tuple[int, int, int, int]
_SAME = 0.5
"""Share of the smaller box above which two overlapping boxes are readings of one line."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text in an image."""

    text: str
    confidence: float
    """Mean of its characters, 0 to 1."""
    box: Box

    @property
    def bounds(self) -> Bounds:
        """Left, top, right and bottom of the box."""
        return min(self.box[::2]), min(self.box[1::2]), max(self.box[::2]), max(self.box[1::2])


def without_repeats(lines: Iterable[TextLine]) -> list[TextLine]:
    """Return the lines of all tiles, each once: of two readings of one line, the one with the larger box is kept."""
    kept: list[TextLine] = []
    for line in sorted(lines, key=lambda one: (-_area(one.bounds), -one.confidence, one.box)):
        if not any(_shared(line.bounds, other.bounds) > _SAME * _area(line.bounds) for other in kept):
            kept.append(line)
    return kept


def in_reading_order(lines: Iterable[TextLine]) -> list[TextLine]:
    """Return the lines row by row from the top, each row from the left."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda one: (_middle(one), one.box)):
        if rows and _is_in_row(line, rows[-1]):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: (one.bounds[0], one.box))]


def _is_in_row(line: TextLine, row: Sequence[TextLine]) -> bool:
    """Return whether a line's middle is inside the row's last box, and that box's middle inside the line's."""
    _, top, _, bottom = row[-1].bounds
    _, own_top, _, own_bottom = line.bounds
    return top <= _middle(line) <= bottom and own_top <= _middle(row[-1]) <= own_bottom


def _middle(line: TextLine) -> float:
    _, top, _, bottom = line.bounds
    return (top + bottom) / 2


def _area(bounds: Bounds) -> int:
    left, top, right, bottom = bounds
    return max(0, right - left) * max(0, bottom - top)


def _shared(one: Bounds, other: Bounds) -> int:
    left, top = max(one[0], other[0]), max(one[1], other[1])
    return _area((left, top, min(one[2], other[2]), min(one[3], other[3])))
