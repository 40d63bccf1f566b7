"""A kept frame: the seconds it is kept for, its time, and what was made of its picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from av.video.frame import VideoFrame

__all__ = ["Convert", "Picked", "T"]

T = TypeVar("T")

Convert: TypeAlias = Callable[[VideoFrame], T]
"""Makes of a decoded frame, neither rotated nor converted, what is kept of it."""


@dataclass(frozen=True, slots=True)
class Picked(Generic[T]):
    """A frame that is kept."""

    seconds: range
    """Whole seconds it is the first frame for; more than one where the stream has a gap before it."""
    pts_s: float
    """Its own time, seconds from the stream's start."""
    value: T
    """What was made of the decoded frame."""
