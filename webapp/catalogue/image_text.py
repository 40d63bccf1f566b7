"""The text in a product's images, with its boxes, and the property values that it proposes."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from webapp.catalogue.product_card import plain

__all__ = ["ImageBoxes", "ImageText", "ProposedSpec", "TextBox", "read_image_text"]

_MOST = 400
_LONGEST = 300
_LINES = f"""
select t.sha256, any_value(i.width), any_value(i.height), text, confidence, contact, repeated,
    x0 || ',' || y0 || ' ' || x1 || ',' || y1 || ' ' || x2 || ',' || y2 || ' ' || x3 || ',' || y3
from image_text t join images i on i.product_id = t.product_id and i.sha256 = t.sha256
where t.product_id = ? group by all order by min(t.position), min(line) limit {_MOST}
"""  # noqa: S608 - a constant
_PROPOSALS = "select property, value, position, rule from spec_proposals where product_id = ? order by 1, 2"


@dataclass(frozen=True, slots=True)
class TextBox:
    """A line of text in an image."""

    text: str
    confidence: float
    mark: str
    """``contact`` or ``repeated``; empty: neither."""
    contact: str | None
    """Kinds of contact details in it."""
    points: str
    """Corners as SVG writes them."""


@dataclass(frozen=True, slots=True)
class ImageBoxes:
    """The lines of one image."""

    width: int
    height: int
    lines: tuple[TextBox, ...]

    @property
    def has_contact(self) -> bool:
        """Return whether the image shows contact details."""
        return any(line.contact for line in self.lines)


@dataclass(frozen=True, slots=True)
class ProposedSpec:
    """A property value that an image states and the specification table lacks."""

    property: str
    value: str
    position: int
    """Place of the image."""
    rule: str


@dataclass(frozen=True, slots=True)
class ImageText:
    """The text in the images of one product."""

    images: Mapping[str, ImageBoxes]
    """Object of an image -> its lines, in reading order."""
    proposals: tuple[ProposedSpec, ...]


def read_image_text(engine: duckdb.DuckDBPyConnection, product_id: str) -> ImageText:
    """Return the text in a product's images; empty where none was read."""
    found: dict[str, tuple[int, int, list[TextBox]]] = {}
    for sha256, width, height, text, confidence, contact, repeated, points in engine.execute(
        _LINES, [product_id]
    ).fetchall():
        mark = "contact" if contact else "repeated" if repeated else ""
        line = TextBox(plain(text, _LONGEST), confidence, mark, contact, points)
        found.setdefault(sha256, (width, height, []))[2].append(line)
    images = {sha256: ImageBoxes(width, height, tuple(lines)) for sha256, (width, height, lines) in found.items()}
    rows = engine.execute(_PROPOSALS, [product_id]).fetchall()
    proposals = (ProposedSpec(plain(name, _LONGEST), plain(value, _LONGEST), *rest) for name, value, *rest in rows)
    return ImageText(images, tuple(proposals))
