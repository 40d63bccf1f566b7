"""What a header says, and the error for one that says nothing."""

from dataclasses import dataclass

__all__ = ["BadHeaderError", "Dimensions"]


class BadHeaderError(ValueError):
    """A header that is cut short, contradicts itself or lacks the size."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Size of an image, or of a video's largest picture, and its duration."""

    width: int | None
    """Pixels, before any rotation; None: the format keeps it in the coded stream."""
    height: int | None
    duration_s: float | None = None
    """Seconds; None: an image, or the header does not say."""

    @property
    def pixels(self) -> int:
        """Width times height, 0 where unknown."""
        return (self.width or 0) * (self.height or 0)
