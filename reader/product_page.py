"""The generic page object, base of all page objects."""

from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from functools import cached_property as field

from web_poet import ItemPage

from core.contacts import hash_merchant, mask_contacts, mask_lines
from core.records import Availability, Condition, ProductRecord, Specification, Variant
from reader.document import Document
from reader.reading import Reader, Reading
from reader.text import storable
from reader.variants import find_variants

__all__ = ["ProductPage", "field"]

_TEXTS = ("url", "native_id", "caption", "brand", "currency", "merchant", "gtin", "mpn", "description", "item_group")
_FIELDS = tuple(one.name for one in fields(ProductRecord) if one.name not in ("url", "origins", "masked"))


class ProductPage(ItemPage[ProductRecord]):
    """A product page of any shop, read from JSON-LD, microdata, OpenGraph and plain HTML (``reader.reading``).

    A page object for one shop derives from it and overrides the fields that its pages show differently::

        class CornerShopPage(ProductPage):
            @field
            def native_id(self) -> str | None:
                return self.document.tree.findtext(".//*[@class='our-number']")

    Args:
        document: The page.
        merchant_key: Key of the workspace. Without it, ``merchant`` is always None.
        reader: Model and thresholds; None for those that come with m5data.
    """

    def __init__(self, document: Document, merchant_key: bytes | None = None, reader: Reader | None = None) -> None:
        self.document = document
        self.reading = Reading(document, reader)
        self._merchant_key = merchant_key

    def to_record(self) -> ProductRecord:
        """Return the record with contact details masked and with storable texts."""
        values = {name: getattr(self, name) for name in _FIELDS}
        return _mask(_storable(ProductRecord(url=self.url, origins=self.origins, **values)))

    async def to_item(self) -> ProductRecord:
        """Return the record, for frameworks that use web-poet."""
        return self.to_record()

    @field
    def url(self) -> str:
        """Canonical URL."""
        return self.reading.url

    @field
    def native_id(self) -> str | None:
        """The shop's own id: from a label, the markup or the URL, else a hash of the URL."""
        return self.reading.native_id[0]

    @field
    def caption(self) -> str | None:
        """The product's name as published."""
        return _value(self.reading.caption)

    @field
    def category(self) -> tuple[str, ...]:
        """Path of categories, outermost first."""
        return self.reading.category[0] if self.reading.category else ()

    @field
    def brand(self) -> str | None:
        """Brand as published."""
        return _value(self.reading.brand)

    @field
    def price(self) -> Decimal | None:
        """Amount that the buyer pays now."""
        return self.reading.price[0] if self.reading.price else None

    @field
    def currency(self) -> str | None:
        """ISO 4217 code, else the sign."""
        return self.reading.price[1] if self.reading.price else None

    @field
    def availability(self) -> Availability | None:
        """InStock or OutOfStock."""
        return self.reading.availability[0] if self.reading.availability else None

    @field
    def merchant(self) -> str | None:
        """Keyed hash of ``merchant_name()``."""
        if self._merchant_key is None:
            return None
        name = self.merchant_name()
        return hash_merchant(name, self._merchant_key) if name else None

    @field
    def gtin(self) -> str | None:
        """GTIN, as digits."""
        return _value(self.reading.gtin)

    @field
    def mpn(self) -> str | None:
        """Manufacturer's part number."""
        return _value(self.reading.mpn)

    @field
    def description(self) -> str | None:
        """What the shop writes about the product, a paragraph a line."""
        return _value(self.reading.description)

    @field
    def features(self) -> tuple[str, ...]:
        """Selling points."""
        return tuple(self.reading.features)

    @field
    def list_price(self) -> Decimal | None:
        """Higher amount that the price replaces."""
        return self.reading.list_price[0] if self.reading.list_price else None

    @field
    def rating(self) -> Decimal | None:
        """Mean rating, from 0 to 5."""
        return self.reading.rating[0] if self.reading.rating else None

    @field
    def rating_count(self) -> int | None:
        """Number of ratings."""
        return self.reading.rating[1] if self.reading.rating else None

    @field
    def condition(self) -> Condition | None:
        """New, Used, Refurbished or Damaged."""
        return self.reading.condition[0] if self.reading.condition else None

    @field
    def item_group(self) -> str | None:
        """The shop's own id of the group of variants."""
        return _value(self.reading.item_group)

    @field
    def image_urls(self) -> tuple[str, ...]:
        """Image URLs, main image first."""
        return tuple(url for url, _ in self.reading.images)

    @field
    def video_urls(self) -> tuple[str, ...]:
        """URLs of video files."""
        return tuple(url for url, _ in self.reading.videos)

    @field
    def specs(self) -> tuple[Specification, ...]:
        """Specification table."""
        return tuple(Specification(name, value) for name, value, _ in self.reading.specs)

    @field
    def variants(self) -> tuple[Variant, ...]:
        """Combinations of options, such as colours and sizes, each with its own price and stock."""
        return find_variants(self.document, self.currency)

    @field
    def origins(self) -> Mapping[str, str]:
        """Origin of each field; for an overridden field, the name of its page object."""
        mine = {name: f"page:{owner}" for name in _FIELDS if (owner := _overrider(type(self), name)) is not None}
        read = {name: origin for name, origin in self.reading.origins().items() if name not in mine}
        if {"caption", "specs"} <= mine.keys() and self.caption and self.specs:
            read["page"] = f"product:{mine['caption']}"
        return read | {name: origin for name, origin in mine.items() if getattr(self, name)}

    def merchant_name(self) -> str | None:
        """Name of the seller on the page. It is not a field because it must not leave the page object."""
        return _value(self.reading.merchant_name)


def _overrider(page: type[ProductPage], name: str) -> str | None:
    """Return the derived class that overrides a field; None for the generic field."""
    readers = (name, "merchant_name") if name == "merchant" else (name,)
    owner = next(cls for cls in page.__mro__ if any(reader in vars(cls) for reader in readers))
    return None if owner is ProductPage else owner.__name__


def _value(found: tuple[str, str] | None) -> str | None:
    return found[0] if found else None


def _storable(record: ProductRecord) -> ProductRecord:
    """Return a record whose texts every table can hold."""
    texts = {name: storable(value) for name in _TEXTS if isinstance(value := getattr(record, name), str)}
    lists = {
        name: tuple(map(storable, getattr(record, name)))
        for name in ("category", "features", "image_urls", "video_urls")
    }
    specs = tuple(Specification(storable(spec.property), storable(spec.value)) for spec in record.specs)
    return replace(record, **texts, **lists, specs=specs)  # type: ignore[arg-type]  # names of fields


def _mask(record: ProductRecord) -> ProductRecord:
    """Mask contact details in caption, description, features and specifications, and count them."""
    caption, count = mask_contacts(record.caption) if record.caption else (record.caption, 0)
    description, times = mask_lines(record.description or "")
    points = [mask_contacts(line) for line in record.features]
    count += times + sum(times for _, times in points)
    specs: list[Specification] = []
    for spec in record.specs:
        value, times = mask_contacts(spec.value, spec.property)
        specs.append(Specification(spec.property, value))
        count += times
    return replace(
        record,
        caption=caption,
        description=description or None,
        features=tuple(line for line, _ in points),
        specs=tuple(specs),
        masked=count,
    )
