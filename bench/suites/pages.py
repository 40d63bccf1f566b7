"""Comparison of a record with the fields that a case states; used by the subjects whose input is a page."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from core.records import ProductRecord
from crawler import parse_page


def read_page(body: str, url: str) -> ProductRecord:
    """Return the record of a page. Its field names are those of ``m5data parse`` and of every table."""
    return parse_page(body.encode(), url)


def differences(record: ProductRecord, want: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields that differ from ``want``, with the record's values."""
    compared = {name: _compare(record, name, right) for name, right in want.items()}
    return {name: got for name, (got, is_same) in compared.items() if not is_same}


def _compare(record: ProductRecord, name: str, right: Any) -> tuple[object, bool]:  # noqa: ANN401  a value of JSON
    if name in _COMPARED:
        return _COMPARED[name](record, right)
    got = getattr(record, name)
    return got, got == right


def _specs(record: ProductRecord, right: list[list[str]]) -> tuple[object, bool]:
    specs = [[spec.property, spec.value] for spec in record.specs]
    return specs, all(pair in specs for pair in right)


def _spec_numbers(record: ProductRecord, right: list[str]) -> tuple[object, bool]:
    """Compare a property's name and the numbers of its value: ``[name, number, …]``."""
    text = " ".join(spec.value for spec in record.specs if spec.property.strip(":") == right[0])
    return text, all(number in text for number in right[1:])


def _variants(record: ProductRecord, right: list[list[str]]) -> tuple[object, bool]:
    variants = [[one.id, one.price, one.availability] for one in record.variants]
    return variants, variants == [[id_, Decimal(price), stock] for id_, price, stock in right]


def _variant_options(record: ProductRecord, right: list[list[str]]) -> tuple[object, bool]:
    options = [sorted(spec.value for spec in one.options) for one in record.variants]
    return options, options == [sorted(values) for values in right]


def _price(record: ProductRecord, right: str | None) -> tuple[object, bool]:
    return record.price, record.price == (None if right is None else Decimal(right))


def _price_one_of(record: ProductRecord, right: list[str]) -> tuple[object, bool]:
    return record.price, record.price in [Decimal(one) for one in right]


def _image_urls(record: ProductRecord, right: list[str]) -> tuple[object, bool]:
    """Compare the first images; a page may have more."""
    return record.image_urls, list(record.image_urls[: len(right)]) == right


_COMPARED: Mapping[str, Callable[[ProductRecord, Any], tuple[object, bool]]] = {
    "specs": _specs,
    "spec_numbers": _spec_numbers,
    "variants": _variants,
    "variant_options": _variant_options,
    "price": _price,
    "price_one_of": _price_one_of,
    "image_urls": _image_urls,
}
"""Fields that are not compared as they are."""
