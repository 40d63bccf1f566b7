"""Three quality groups by size, as in the first version of M5Product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # a decoder process is given plain values, and does without pydantic
    from extract.images.settings import ImageSettings

__all__ = ["SizeGroup", "size_group"]

SizeGroup = Literal["small", "medium", "large"]


def size_group(width: int, height: int, settings: ImageSettings) -> SizeGroup:
    """Return the size group of an image.

    The paper grades images "into three groups by size" and gives no bounds. These are this
    project's own: the shorter side decides, in pixels; below ``small_below`` (320) is small,
    from ``large_from`` (800) on is large, medium lies between.
    """
    shorter = min(width, height)
    if shorter < settings.small_below:
        return "small"
    return "large" if shorter >= settings.large_from else "medium"
