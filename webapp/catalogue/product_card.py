"""Product cards: the product data that pages show, with untrusted text cleaned and cut."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

__all__ = ["TABLES", "Image", "ProductCard", "Specification", "Video", "plain", "price_text", "read_cards"]

_CONTROLS = dict.fromkeys({*range(32), *range(127, 160), *range(0xD800, 0xE000)} - {9, 10}, "\ufffd")


def plain(text: str, longest: int) -> str:
    """Return at most ``longest`` characters of a text, with control characters replaced by U+FFFD.

    Markup is kept, because pages show it as text. A text that is cut ends in ``…``. Characters that change the
    direction of writing are kept too, because pages isolate each text (HTML ``bdi``).
    """
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return cut.translate(_CONTROLS)


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the product."""

    sha256: str
    width: int | None
    """Pixels; None if unknown."""
    height: int | None


@dataclass(frozen=True, slots=True)
class Video:
    """A video of the product."""

    sha256: str
    mime: str
    duration_s: float | None
    sound: bool
    """Whether it has audio."""


@dataclass(frozen=True, slots=True)
class Specification:
    """One line of the specification table."""

    property: str
    value: str
    property_norm: str | None
    """Shared name; None: not aligned."""
    value_norm: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination of options, as shown."""

    options: str
    price: str | None
    """Amount and currency."""
    availability: str | None


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product as shown on pages; texts are cleaned and cut, lists are cut."""

    product_id: str
    source: str
    url: str
    caption: str | None
    category: tuple[str, ...]
    brand: str | None
    price: str | None
    """Amount and currency."""
    images: tuple[Image, ...]
    """Main image first."""
    videos: tuple[Video, ...]
    specs: tuple[Specification, ...]
    """In page order."""
    variants: tuple[Variant, ...]
    """In page order."""


TABLES = ("products", "specs", "spec_norms", "properties", "variants", "media", "audio")
"""Tables that a connection needs for ``read_cards``."""

_LONGEST = {"caption": 2000, "name": 120, "value": 600}
"""Maximum number of characters shown; M5Product's captions have 20 to 40 words, a hostile one a million letters."""
_MAX_SPECS, _MAX_IMAGES, _MAX_VIDEOS = 200, 12, 2

_PRODUCTS = f"""
select product_id, source, url, left(caption, {_LONGEST["caption"] + 1}) as caption, category[:8] as category, brand,
       price, currency
from products where product_id in (select unnest($ids))
"""  # noqa: S608 - constants
_SPECIFICATIONS = f"""
with lines as (from specs where product_id in (select unnest($ids)) and position < {_MAX_SPECS}),
     norms as (from spec_norms where product_id in (select unnest($ids)))
select s.product_id, left(s.property, {_LONGEST["name"] + 1}), left(s.value, {_LONGEST["value"] + 1}),
       p.property_norm, left(n.value_norm, {_LONGEST["value"]}), n.unit
from lines s left join norms n using (product_id, position)
left join properties p on p.source = split_part(s.product_id, ':', 1) and p.property = s.property
order by s.product_id, s.position
"""  # noqa: S608 - constants
_VARIANTS = """
select product_id, options, price, currency, availability from variants
where product_id in (select unnest($ids)) and position < 50 order by product_id, position
"""
_MEDIA = """
select m.product_id, m.kind, m.sha256, m.mime, m.width, m.height, m.duration_s, a.product_id is not null as sound
from media m left join audio a on a.product_id = m.product_id and a.video_sha256 = m.sha256
where m.product_id in (select unnest($ids)) and m.state = 'ok' order by m.product_id, m.kind, m.position
"""

Row = tuple[object, ...]


def read_cards(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> dict[str, ProductCard]:
    """Return the cards of the products that exist."""
    given = {"ids": list(ids)}
    specs = _by_product(connection.execute(_SPECIFICATIONS, given).fetchall())
    variants = _by_product(connection.execute(_VARIANTS, given).fetchall())
    media = _by_product(connection.execute(_MEDIA, given).fetchall())
    products = connection.execute(_PRODUCTS, given).fetchall()
    return {row[0]: _card(row, specs[row[0]], variants[row[0]], media[row[0]]) for row in products}


def _by_product(rows: Iterable[Row]) -> Mapping[object, list[Row]]:
    found: defaultdict[object, list[Row]] = defaultdict(list)
    for product, *rest in rows:
        found[product].append(tuple(rest))
    return found


def price_text(price: object, currency: object) -> str | None:
    """Return an amount and its currency as shown; None if there is no amount."""
    return None if price is None else plain(f"{price:,.2f} {currency or ''}".strip(), _LONGEST["name"])


def _variant(row: Row) -> Variant:
    options, price, currency, availability = row
    said = ", ".join(str(option) for option in options or ())  # type: ignore[attr-defined]  # a list
    stock = None if availability is None else str(availability)
    return Variant(plain(said, _LONGEST["value"]), price_text(price, currency), stock)


def _card(row: Row, specs: Sequence[Row], variants: Sequence[Row], media: Sequence[Row]) -> ProductCard:
    product, source, url, caption, category, brand, price, currency = row
    return ProductCard(
        product_id=str(product),
        source=str(source),
        url=plain(str(url), _LONGEST["value"]),
        caption=None if caption is None else plain(str(caption), _LONGEST["caption"]),
        category=tuple(plain(str(name), _LONGEST["name"]) for name in category or ()),  # type: ignore[attr-defined]  # a list
        brand=None if brand is None else plain(str(brand), _LONGEST["name"]),
        price=price_text(price, currency),
        images=tuple(_image(one) for one in media if one[0] == "image")[:_MAX_IMAGES],
        videos=tuple(_video(one) for one in media if one[0] == "video")[:_MAX_VIDEOS],
        specs=tuple(_specification(one) for one in specs),
        variants=tuple(_variant(one) for one in variants),
    )


def _image(row: Row) -> Image:
    _, sha256, _, width, height, *_ = row
    return Image(str(sha256), width, height)  # type: ignore[arg-type]  # integers, as the schema says


def _video(row: Row) -> Video:
    _, sha256, mime, _, _, duration_s, sound = row
    return Video(str(sha256), str(mime), duration_s, bool(sound))  # type: ignore[arg-type]  # a number, as the schema says


def _specification(row: Row) -> Specification:
    name, value, name_norm, value_norm, unit = (None if text is None else str(text) for text in row)
    return Specification(
        plain(name or "", _LONGEST["name"]), plain(value or "", _LONGEST["value"]), name_norm, value_norm, unit
    )
