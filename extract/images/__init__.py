"""Images: verified decoding, size, perceptual hash and quality measures."""

from extract.images.decoding import ImageFault, ImageReason, decode
from extract.images.measures import (
    ImageMeasures,
    SizeGroup,
    blank_share,
    border_share,
    frame_hash,
    margin_detail,
    measure,
    perceptual_hash,
    pixel_hash,
    sharpness,
    size_group,
)

__all__ = [
    "ImageFault",
    "ImageMeasures",
    "ImageReason",
    "SizeGroup",
    "blank_share",
    "border_share",
    "decode",
    "frame_hash",
    "margin_detail",
    "measure",
    "perceptual_hash",
    "pixel_hash",
    "sharpness",
    "size_group",
]
