"""MEP-3M's ``annotation.json``: a list of records with classes of three levels, the path of one image, and a title.

The images are archives without URLs. Unpack them and serve the folder that holds ``Images/``; ``feed_base`` is its URL.
The format has no URL of the page, so that of the image takes its place. Files that m5data exported have both.
https://github.com/ChenDelong1999/MEP-3M
"""

from collections.abc import Iterable

from crawler.feeds.records import Fields, Layout, each_record, placed, strings

__all__ = ["LAYOUT"]

_LEVELS = ("class_name", "sub_class_name", "subsub_class_name")
_NO_LEVEL = ("FALSE", "FLASE")
"""A level that a product does not have; the second spelling is the paper's."""


def _rows(fields: Fields, base: str) -> Iterable[Fields]:
    image = fields.get("img_path")
    url = placed(base, image) if isinstance(image, str) and image.strip() else None
    yield {
        "id": fields.get("product_id") or image,
        "url": fields.get("page_url") or url,
        "title": fields.get("title"),
        "category": [level for name in _LEVELS for level in strings(fields.get(name)) if level not in _NO_LEVEL],
        "image_urls": [url],
    }


LAYOUT = Layout("mep3m", each_record(_rows), (frozenset({"img_path", "sub_class_id"}),))
