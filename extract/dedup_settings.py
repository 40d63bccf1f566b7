"""Settings of the stage ``dedup``."""

from pydantic import Field

from m5data.stage_settings import StageSettings

__all__ = ["DedupSettings"]


class DedupSettings(StageSettings):
    """What counts as nearly the same; the papers say only that duplicates were removed.

    The rules for exact duplicates have nothing to set.
    """

    image_distance: int = Field(default=6, ge=0, le=16)
    """Most bits in which the main images' hashes may differ: above recompression, below other photos."""
    image_caption: float = Field(default=0.3, ge=0, le=1)
    """Least similarity of captions where images are near: the same words in another order have 0.4 and more."""
    text_caption: float = Field(default=0.8, ge=0.7, le=1)
    """Least similarity of captions that are near by themselves: a word added to twenty."""
    text_table: float = Field(default=0.8, ge=0, le=1)
    """Least share of common lines of two specification tables, so that variants of a product stay apart."""
    most_sharers: int = Field(default=50, ge=2)
    """An image, or a part of captions, that more products share is a stock one and tells nothing."""
    most_in_group: int = Field(default=50, ge=2)
    """Near pairs join no group above this size: a chain of small steps ends in other products."""
    blank_share: float = Field(default=0.98, gt=0, le=1)
    """Images with a larger empty share have no hash worth comparing."""
