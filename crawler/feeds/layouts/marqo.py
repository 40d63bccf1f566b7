"""Marqo-GS-10M: pairs of queries and products as CSV or Parquet, or a corpus, one JSON object of products.

A product of several queries has several rows; the first counts. The dataset names images by file, without URLs:
``feed_base`` is where ``images_archive.tar`` is served. The format has no URL of the page, so that of the image takes
its place. https://github.com/marqo-ai/GCL, https://huggingface.co/datasets/Marqo/marqo-GS-10M
"""

from collections.abc import Iterable, Mapping
from posixpath import basename
from urllib.parse import quote

from crawler.feeds.records import Fields, Layout, each_record, placed

__all__ = ["LAYOUT"]


def _rows(fields: Fields, base: str) -> Iterable[Fields]:
    image = fields.get("image")
    path = fields.get("image_local") or (image.get("path") if isinstance(image, Mapping) else image)
    name = basename(path.replace("\\", "/")) if isinstance(path, str) else ""
    url = placed(base, quote(name)) if name else None
    number = fields.get("product_id")
    yield {
        "id": fields.get("id") if number is None else number,
        "url": url,
        "title": fields.get("title"),
        "image_urls": [url],
    }


LAYOUT = Layout(
    "marqo",
    each_record(_rows, members=True),
    (frozenset({"image_local", "title"}), frozenset({"product_id", "title", "score_linear"})),
)
