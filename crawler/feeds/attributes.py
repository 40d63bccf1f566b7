"""Attributes of Google Merchant's product data specification, in files of lines and in XML, as rows of a feed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from crawler.feeds.rows import FeedRow, parse_row

__all__ = ["Detail", "attribute_fields", "read_attributes", "split_details", "split_urls"]

Values = Mapping[str, Sequence[str]]
"""Name of an attribute, in lower case with underscores -> its values, none empty."""

_SAME = (
    *("id", "title", "merchant", "brand", "gtin", "mpn", "availability", "currency", "price", "sale_price"),
    *("sale_price_effective_date", "description", "condition"),
)
_DESCRIBING = ("color", "size", "material", "pattern", "gender", "age_group", "condition")
"""Attributes that become specifications, in addition to ``product_detail``."""


class Detail(NamedTuple):
    """One ``product_detail``."""

    section: str
    name: str
    value: str


def read_attributes(values: Values, details: Iterable[Detail] = ()) -> FeedRow:
    """Return the row that attributes describe; of several values of an attribute that has one, the first counts.

    Raises:
        FeedRowError: An attribute cannot be read.
    """
    return parse_row(attribute_fields(values, details))


def attribute_fields(values: Values, details: Iterable[Detail] = ()) -> dict[str, object]:
    """Return the fields of ``FeedRow`` that attributes describe."""
    first = {name: texts[0] for name, texts in values.items() if texts}
    images, videos = (
        [url for name in names for text in values.get(name, ()) for url in split_urls(text)]
        for names in (("image_link", "additional_image_link"), ("video_link",))
    )
    specs = [{"property": one.name, "value": one.value} for one in details]
    return {
        **{name: first.get(name) for name in _SAME},
        "url": first.get("link"),
        "category": first.get("product_type") or first.get("google_product_category"),
        "image_urls": images,
        "video_urls": videos,
        "features": values.get("product_highlight", ()),
        "item_group": first.get("item_group_id"),
        "specs": [*specs, *({"property": name, "value": first[name]} for name in _DESCRIBING if name in first)],
    }


_BETWEEN_URLS = re.compile(r"\s*\|\s*|\s*,\s*(?=\"?(?:[a-z]+:)?/)|\s+(?=https?://)", re.IGNORECASE)


def split_urls(text: str) -> list[str]:
    """Return the URLs of a list with ``|``, commas or spaces; a comma inside a URL stays.

    >>> split_urls('https://a.example/1,2.jpg, "https://a.example/3.jpg"')
    ['https://a.example/1,2.jpg', 'https://a.example/3.jpg']
    """
    return [url for part in _BETWEEN_URLS.split(text) if (url := part.strip().strip('"'))]


def split_details(text: str) -> list[Detail]:
    r"""Return the details of ``section:name:value, …``; the section may be empty or missing.

    A comma or colon that belongs to a part stands behind ``\`` or in a part in quotes. What follows a comma without
    colons continues the value before it.

    >>> split_details(r'General:Fit:slim\, long,:Size:"3:4"')
    [Detail(section='General', name='Fit', value='slim, long'), Detail(section='', name='Size', value='3:4')]
    """
    found: list[Detail] = []
    for parts in _details(text):
        if len(parts) > 1:
            section, name, value = ("", *parts) if len(parts) == 2 else parts
            found.append(Detail(section.strip(), name.strip(), value.strip()))
        elif found and parts[0].strip():
            found[-1] = found[-1]._replace(value=f"{found[-1].value}, {parts[0].strip()}")
    return found


_MARK = re.compile(r'\\[\\",:]|"(?:[^"]|"")*"(?=\s*(?:[,:]|$))|[,:]|.', re.DOTALL)
"""An escaped mark, a part in quotes, a mark, or any other character."""


def _details(text: str) -> list[list[str]]:
    """Return the parts of each detail, at most three."""
    details = [[""]]
    for found in _MARK.findall(text):
        parts = details[-1]
        if found == ",":
            details.append([""])
        elif found == ":" and len(parts) < 3:
            parts.append("")
        elif len(found) > 1 and found[0] == '"':
            inside = found[1:-1].replace('""', '"')
            is_whole = parts == [""] and inside.count(":") > 1
            first, *rest = inside.split(":", 2) if is_whole else [inside]
            parts[-1:] = [parts[-1] + first, *rest]
        else:
            parts[-1] += found[1] if len(found) > 1 else found
    return details
