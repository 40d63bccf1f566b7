"""Amazon Berkeley Objects: ``listings_*.json.gz``, JSON Lines, and ``images.csv.gz``, which says where images are.

Listings have texts in several languages: English where there is one, else the language of the name. Files of listings
are one feed when they are concatenated. ``feed_base`` may name a copy of the dataset.
https://amazon-berkeley-objects.s3.amazonaws.com/index.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from core.errors import FeedError
from core.urls import absolute
from crawler.feeds.delimited import read_delimited
from crawler.feeds.records import Fields, Layout, each_record, objects
from crawler.feeds.rows import FeedItem

__all__ = ["LAYOUT"]

_HOME = "https://amazon-berkeley-objects.s3.amazonaws.com/"
_TABLES = ("images.csv.gz", "images.csv")
_FOLDERS = (".", "images/metadata", "../../images/metadata", "../images/metadata")
"""Where the table of images may lie, seen from the listings: beside them, or as the archives unpack."""
_SPECS = {
    "color": "color",
    "material": "material",
    "style": "style",
    "fabric_type": "fabric type",
    "finish_type": "finish type",
    "item_shape": "item shape",
    "pattern": "pattern",
    "model_name": "model name",
    "model_year": "model year",
    "product_type": "product type",
}
"""Field -> property."""
_FIRST = {"title": "item_name", "brand": "brand", "mpn": "model_number"}
"""Field of ``FeedRow`` -> field of which it is the first text."""
_TEXTS = (*_SPECS, *_FIRST.values(), "product_description", "bullet_point")


def _read(path: Path, base: str) -> Iterator[FeedItem]:
    images = _image_paths(path)
    home = absolute(base or _HOME, "images/original/") or ""

    def rows(fields: Fields, base: str) -> Iterable[Fields]:
        del base
        yield _row(fields, images, home)

    yield from each_record(rows)(path, base)


def _companions(path: Path) -> Sequence[Path]:
    found = (path.parent / folder / name for folder in _FOLDERS for name in _TABLES)
    return [one for one in found if one.is_file()][:1]


def _image_paths(path: Path) -> Mapping[str, str]:
    """Return image id -> path of every image of the dataset.

    Raises:
        FeedError: The table of images is missing.
    """
    tables = _companions(path)
    if not tables:
        raise FeedError(f"{path}: {_TABLES[0]} of the dataset is missing. Put it into the folder of this file.")
    rows = (row.fields for row in read_delimited(tables[0]))
    return {
        row["image_id"]: row["path"] for row in rows if isinstance(row, dict) and {"image_id", "path"} <= row.keys()
    }


def _row(fields: Fields, images: Mapping[str, str], home: str) -> Fields:
    item, domain = fields.get("item_id"), fields.get("domain_name")
    language = _language(fields)
    others = fields.get("other_image_id")
    ids = [fields.get("main_image_id"), *(others if isinstance(others, list) else [])]
    texts = {name: _texts(fields, name, language) for name in _TEXTS if name in fields}
    return {
        "id": item,
        "url": f"https://www.{domain}/dp/{quote(item)}" if isinstance(item, str) and isinstance(domain, str) else None,
        **{name: next(iter(texts.get(published, ())), None) for name, published in _FIRST.items()},
        "category": _category(fields) or texts.get("product_type"),
        "image_urls": [home + images[one] for one in ids if isinstance(one, str) and one in images],
        "specs": [
            *({"property": _SPECS[one], "value": texts[one]} for one in _SPECS if one in texts),
            *_measures(fields),
        ],
        "description": "\n".join(texts.get("product_description", ())) or None,
        "features": texts.get("bullet_point"),
    }


def _language(fields: Fields) -> str:
    """Return the language that texts are taken in, as the beginning of a tag."""
    tags = [str(name.get("language_tag", "")) for name in objects(fields, "item_name")]
    return "en" if any(tag.startswith("en") for tag in tags) else next(iter(tags), "")


def _texts(fields: Fields, name: str, language: str) -> list[str]:
    """Return the values in a language, or all where none is in it; each once."""
    if isinstance(value := fields.get(name), str):
        return [value]
    found = objects(fields, name)
    if len(found) == 1 and isinstance(value := found[0].get("value"), str):
        return [value]
    if len(found) > 1:
        found = [one for one in found if str(one.get("language_tag", "")).startswith(language)] or found
    values = (one.get("value") for one in found)
    return list(dict.fromkeys(str(value) for value in values if value not in (None, "")))


def _category(fields: Fields) -> list[str]:
    """Return the first category, whose levels are written ``/Home/Furniture/Chairs``."""
    names = (node.get("node_name") for node in objects(fields, "node"))
    paths = ([part for part in str(name).split("/") if part.strip()] for name in names if name)
    return next((path for path in paths if path), [])


def _measures(fields: Fields) -> Iterator[Fields]:
    """Yield weight and dimensions as published, ``{"value": 22, "unit": "inches"}``, with their units."""
    sizes = fields.get("item_dimensions")
    named = {f"item {name}": size for name, size in sizes.items()} if isinstance(sizes, Mapping) else {}
    weight = next(iter(objects(fields, "item_weight")), None)
    for name, one in {**named, "item weight": weight}.items():
        if isinstance(one, Mapping) and one.get("value") is not None:
            yield {"property": name, "value": f"{one['value']} {one.get('unit') or ''}".strip()}


LAYOUT = Layout("abo", _read, (frozenset({"item_id", "item_name", "main_image_id"}),), _companions)
