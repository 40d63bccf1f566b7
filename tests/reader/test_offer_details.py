"""The price before a reduction, ratings, condition and group of variants."""

import json
from decimal import Decimal

import pytest

from core.records import ProductRecord
from crawler import parse_page

URL = "https://shop.example/p/reed-lamp"


def read(html: str, markup: dict[str, object] | None = None) -> ProductRecord:
    product = {"@context": "https://schema.org", "@type": "Product", "name": "Reed lamp", **(markup or {})}
    script = f'<script type="application/ld+json">{json.dumps(product)}</script>' if markup else ""
    page = f"<html><head><title>Reed lamp</title>{script}</head><body><h1>Reed lamp</h1>{html}</body></html>"
    return parse_page(page.encode(), URL)


@pytest.mark.parametrize(
    ("html", "former"),
    [
        ("<s>$59.00</s> <b>$49.00</b>", "59.00"),
        ('<p class="old-price">€ 59</p><p class="price">€ 49</p>', "59"),
        ("<p>Was $59.00</p><p>Now $49.00</p>", "59.00"),
        ('<span style="text-decoration:line-through">59,00 €</span> <span>49,00 €</span>', "59.00"),
        ("<p>$49.00</p>", None),
        ("<p>$49.00</p><p>Free delivery from $59.00</p>", None),
        ("<s>$39.00</s> <b>$49.00</b>", None),
    ],
)
def test_list_price_shown(html: str, former: str | None) -> None:
    found = read(html).list_price

    assert found == (None if former is None else Decimal(former))


def offer(**more: object) -> dict[str, object]:
    return {"offers": {"@type": "Offer", "price": "49.00", "priceCurrency": "EUR", **more}}


@pytest.mark.parametrize("kind", ["ListPrice", "https://schema.org/StrikethroughPrice", "MSRP", "SRP"])
def test_list_price_of_markup(kind: str) -> None:
    said = [{"@type": "UnitPriceSpecification", "priceType": kind, "price": 59, "priceCurrency": "EUR"}]
    record = read("", offer(priceSpecification=said))

    assert (record.price, record.list_price, record.origins["list_price"]) == (Decimal("49.00"), Decimal(59), "json-ld")


@pytest.mark.parametrize(
    ("stated", "read_as"),
    [
        ({"ratingValue": "4.4", "reviewCount": "89"}, (Decimal("4.40"), 89)),
        ({"ratingValue": "8,8", "bestRating": 10, "ratingCount": 12, "reviewCount": 3}, (Decimal("4.40"), 12)),
        ({"ratingValue": 88, "bestRating": "100"}, (Decimal("4.40"), None)),
        ({"ratingValue": "7", "reviewCount": "2"}, (None, 2)),
        ({"ratingValue": "0", "reviewCount": "0"}, (None, None)),
        ({"ratingValue": "NaN", "ratingCount": "many"}, (None, None)),
    ],
)
def test_rating_of_markup(stated: dict[str, object], read_as: tuple[Decimal | None, int | None]) -> None:
    record = read("", {"aggregateRating": {"@type": "AggregateRating", **stated}, **offer()})

    assert (record.rating, record.rating_count) == read_as


@pytest.mark.parametrize(
    ("html", "read_as"),
    [
        ("<p>4.5 out of 5</p><p>(1,210 reviews)</p>", (Decimal("4.50"), 1210)),
        ('<div class="star-rating" aria-label="4,5 von 5"></div><a>12 Bewertungen</a>', (Decimal("4.50"), 12)),
        ("<p>4.5/5</p>", (Decimal("4.50"), None)),
        ('<strong class="rating">4.00</strong> out of 5 based on 3 customer ratings', (Decimal("4.00"), 3)),
        ('<i class="badge-stars" data-rating="4.8"></i><a>Avis (12)</a>', (Decimal("4.80"), 12)),
        ('<p>Our shop: 4.9/5</p><p class="rating-text">4.4/5 (98 reviews)</p>', (Decimal("4.40"), 98)),
        ('<div class="star-rating" title="5.50"></div>', (None, None)),
        ('<div class="review-count">0.00</div>', (None, None)),
        ("<p>12 reviews</p>", (None, None)),
    ],
)
def test_rating_shown(html: str, read_as: tuple[Decimal | None, int | None]) -> None:
    record = read(f"<p>$49.00</p>{html}")

    assert (record.rating, record.rating_count) == read_as


@pytest.mark.parametrize(
    ("stated", "condition"),
    [
        ("https://schema.org/NewCondition", "New"),
        ("http://schema.org/UsedCondition", "Used"),
        ("RefurbishedCondition", "Refurbished"),
        ("DamagedCondition", "Damaged"),
        ("like new", "Used"),
        ("unknown", None),
    ],
)
def test_condition_of_markup(stated: str, condition: str | None) -> None:
    assert read("", offer(itemCondition=stated)).condition == condition


def test_condition_of_specification() -> None:
    rows = "<tr><th>Condition</th><td>Pre-owned</td></tr><tr><th>Colour</th><td>natural</td></tr>"

    assert read(f"<p>$49.00</p><table>{rows}<tr><th>Height</th><td>1 m</td></tr></table>").condition == "Used"


def test_item_group_of_variant() -> None:
    group = {"isVariantOf": {"@type": "ProductGroup", "productGroupID": "R7", "name": "Reed lamp"}}

    assert read("", {**group, **offer()}).item_group == "R7"
