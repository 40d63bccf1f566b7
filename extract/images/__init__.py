"""Images: size and quality measures."""

from extract.images.measures import (
    ImageMeasures,
    SizeGroup,
    blank_share,
    border_share,
    margin_detail,
    measure,
    sharpness,
    size_group,
)

__all__ = [
    "ImageMeasures",
    "SizeGroup",
    "blank_share",
    "border_share",
    "margin_detail",
    "measure",
    "sharpness",
    "size_group",
]
