"""Settings of the image measures."""

from typing import Literal, Self

from pydantic import Field, model_validator

from m5data.stage_settings import StageSettings

__all__ = ["ImageFormat", "ImageSettings"]

ImageFormat = Literal["AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP"]


class ImageSettings(StageSettings):
    """Limits before decoding, and the bounds of the size groups."""

    max_bytes: int = Field(default=32_000_000, gt=0)
    """Longest file that is opened, bytes; product photos are far below 32 MB."""
    max_pixels: int = Field(default=50_000_000, gt=0)
    """Most pixels that are decoded: a 50-megapixel camera's photo, 150 MB of memory as RGB."""
    formats: tuple[ImageFormat, ...] = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")
    """Formats that are tried: what browsers show, and no other, for each decoder is a risk."""
    small_below: int = Field(default=320, gt=0)
    """An image whose shorter side has fewer pixels is ``small``: a bound of this project's own."""
    large_from: int = Field(default=800, gt=0)
    """An image whose shorter side has at least so many pixels is ``large``: shops' usual zoom size."""

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        """Refuse groups that overlap."""
        if self.small_below > self.large_from:
            raise ValueError(f"small_below must be at most large_from, got {self.small_below} > {self.large_from}")
        return self
