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
    video_frames: float = Field(default=0.8, gt=0.5, le=1)
    """Least share of the longer video's seconds whose frames are near: a logo put before or after it may differ."""
    video_seconds: int = Field(default=3, ge=1)
    """Shorter videos have too few frames to tell them apart."""
    video_caption: float = Field(default=0.3, ge=0, le=1)
    """Least similarity of captions where videos are near: one advertisement serves many products."""
    most_sharers: int = Field(default=50, ge=2)
    """An image, a video, or a part of captions, that more products share is a stock one and tells nothing."""
    most_near: int = Field(default=200, ge=2)
    """A main image that more products' are near to has a common look, as goods on white do, and tells nothing."""
    most_in_group: int = Field(default=50, ge=2)
    """Near pairs join no group above this size: a chain of small steps ends in other products."""
    blank_share: float = Field(default=0.98, gt=0, le=1)
    """Images with a larger empty share have no hash worth comparing."""
