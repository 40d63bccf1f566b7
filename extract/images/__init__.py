"""Images: verified decoding, size, perceptual hash and quality measures."""

from extract.images.decoding import decode
from extract.images.fault import ImageFault, ImageReason
from extract.images.measures import ImageMeasures, measure
from extract.images.perceptual_hash import perceptual_hash
from extract.images.quality import blank_share, sharpness
from extract.images.settings import ImageSettings
from extract.images.size import SizeGroup, size_group

__all__ = [
    "ImageFault",
    "ImageMeasures",
    "ImageReason",
    "ImageSettings",
    "SizeGroup",
    "blank_share",
    "decode",
    "measure",
    "perceptual_hash",
    "sharpness",
    "size_group",
]
