"""Images: verified decoding, size, perceptual hash and quality measures."""

from extract.images.decoding import decode
from extract.images.fault import ImageFault, ImageReason
from extract.images.margins import border_share, margin_detail
from extract.images.measures import ImageMeasures, measure, pixel_hash
from extract.images.perceptual_hash import frame_hash, perceptual_hash
from extract.images.quality import blank_share, sharpness
from extract.images.size import SizeGroup, size_group

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
