"""JSON-LD in the forms that JSON-LD 1.1 defines as equal, and with slips."""

import json
from decimal import Decimal

import pytest

from core.records import ProductRecord
from crawler import is_product, parse_page

URL = "https://shop.example/p/bowl"
OFFER = {
    "@type": "Offer",
    "price": "24.50",
    "priceCurrency": "EUR",
    "availability": "https://schema.org/OutOfStock",
}
BOWL: dict[str, object] = {
    "@context": "https://schema.org",
    "@type": "Product",
    "name": "Clay bowl",
    "sku": "CB-7",
    "gtin13": "4006381333931",
    "brand": {"@type": "Brand", "name": "Tonwerk"},
    "image": "https://shop.example/i/bowl.jpg",
    "offers": OFFER,
}
FIELDS = (
    "CB-7",
    "4006381333931",
    "Tonwerk",
    Decimal("24.50"),
    "EUR",
    "OutOfStock",
    ("https://shop.example/i/bowl.jpg",),
)


def read(*scripts: object, body: str = "", lang: str = "en") -> ProductRecord:
    """Read a page with these scripts, each text or a value; a guess would say that the product is in stock."""
    texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in scripts]
    markup = "".join(f'<script type="application/ld+json">{text}</script>' for text in texts)
    html = f'<html lang="{lang}"><head><title>Clay bowl</title>{markup}</head><body><h1>Clay bowl</h1>{body}'
    return parse_page(f'{html}<form action="/cart/add"><button>Add to cart</button></form></body></html>'.encode(), URL)


def fields(record: ProductRecord) -> tuple[object, ...]:
    names = ("native_id", "gtin", "brand", "price", "currency", "availability", "image_urls")
    return tuple(getattr(record, name) for name in names)


def without(*names: str, **more: object) -> dict[str, object]:
    return {key: value for key, value in BOWL.items() if key not in names} | more


_REFERRING = without(
    "brand", "image", "offers", **{"@id": "#p", "brand": {"@id": "#b"}, "image": {"@id": "#i"}, "offers": {"@id": "#o"}}
)
_PARTS = [
    {"@type": "Brand", "@id": "#b", "name": "Tonwerk"},
    {"@type": "ImageObject", "@id": f"{URL}#i", "contentUrl": "https://shop.example/i/bowl.jpg"},
    OFFER | {"@id": "#o"},
]
_LINK = {"@id": "#p"}
_ALIASES = {"kind": "@type", "number": {"@id": "http://schema.org/sku"}}
_BACKWARD = ["https://schema.org", {"soldBy": {"@reverse": "schema:itemOffered"}}]
_INDEXED = {"offers": {"@id": "schema:offers", "@container": "@index"}}
_SPECIFIED = {"availability": "OutOfStock", "priceSpecification": {"price": 24.50, "priceCurrency": "EUR"}}
_IDENTIFIERS = [
    {"@type": "PropertyValue", "propertyID": "sku", "value": "CB-7"},
    {"@type": "PropertyValue", "propertyID": "gtin13", "value": "4006381333931"},
]


def renamed(value: object, **names: str) -> object:
    """Return a value with other names of properties and types."""
    text = json.dumps(value)
    for name, other in names.items():
        text = text.replace(f'"{name}"', f'"{other}"')
    return json.loads(text)


FORMS: dict[str, list[object]] = {
    "as it is": [BOWL],
    "references in a graph": [{"@context": "https://schema.org", "@graph": [_REFERRING, *_PARTS]}],
    "references before their nodes": [{"@context": "https://schema.org", "@graph": [*_PARTS, _REFERRING]}],
    "references to other scripts": [_PARTS, _REFERRING],
    "references as texts": [{"@graph": [_REFERRING | {"offers": "#o", "brand": "#b"}, *_PARTS]}],
    "a node in two halves": [
        without("offers", "sku", **_LINK),
        {"@type": "Product", "@id": f"{URL}#p", "sku": "CB-7", "offers": OFFER},
    ],
    "blank nodes": [{"@graph": [without("offers", offers={"@id": "_:o"}), OFFER | {"@id": "_:o"}]}],
    "a page with the same id": [without(**{"@id": URL}), {"@type": "WebPage", "@id": URL, "name": "Clay bowl | Shop"}],
    "an offer of the product": [without("offers", **_LINK), OFFER | {"itemOffered": _LINK}],
    "reversed": [without("offers", **{"@reverse": {"itemOffered": OFFER}})],
    "a reversed term": [without("offers", "@context", **{"soldBy": OFFER, "@context": _BACKWARD})],
    "the main entity of a page": [{"@context": "https://schema.org", "@type": "WebPage", "mainEntity": BOWL}],
    "value objects": [
        BOWL | {"sku": {"@value": "CB-7"}, "offers": OFFER | {"price": {"@value": 24.50, "@type": "xsd:decimal"}}}
    ],
    "sets and lists": [BOWL | {"image": {"@list": [BOWL["image"]]}, "offers": {"@set": [OFFER]}}],
    "lists of lists": [[[BOWL | {"image": [[BOWL["image"]]]}]]],
    "types in a list": [BOWL | {"@type": ["Thing", "http://schema.org/Product"]}],
    "full IRIs": [renamed(without("@context"), sku="http://schema.org/sku", offers="https://schema.org/offers")],
    "a prefix": [
        without("@context", "sku", "@type", **{"@context": {"so": "http://schema.org/"}, "so:sku": "CB-7"})
        | {"@type": "so:Product"}
    ],
    "aliases": [without("@context", "sku", "@type") | {"@context": _ALIASES, "kind": "Product", "number": "CB-7"}],
    "type and id": [renamed(BOWL, **{"@type": "type"})],
    "a container by index": [BOWL | {"@context": _INDEXED, "offers": {"small": OFFER}}],
    "a base": [
        {
            "@context": {"@base": "https://shop.example/x/"},
            "@graph": [BOWL | {"offers": {"@id": "#o"}}, OFFER | {"@id": "https://shop.example/x/#o"}],
        },
    ],
    "nested properties": [without("sku", **{"@nest": {"sku": "CB-7"}})],
    "an aggregate with its offers": [BOWL | {"offers": {"@type": "AggregateOffer", "offers": [OFFER]}}],
    "a catalogue": [BOWL | {"offers": {"@type": "OfferCatalog", "itemListElement": [OFFER]}}],
    "a price specification": [BOWL | {"offers": {"@type": "Offer", **_SPECIFIED}}],
    "an amount of money": [BOWL | {"offers": OFFER | {"price": {"value": "24.50", "currency": "EUR"}}}],
    "the sku in the offer": [without("sku", "offers", offers=OFFER | {"sku": "CB-7"})],
    "identifiers": [without("sku", "gtin13", identifier=_IDENTIFIERS)],
    "a number as GTIN": [without("gtin13", gtin=4006381333931)],
    "a brand as text": [BOWL | {"brand": "Tonwerk"}],
    "an organization as maker": [without("brand", manufacturer={"@type": "Organization", "name": ["Tonwerk"]})],
    "an image by its id": [BOWL | {"image": {"@id": "https://shop.example/i/bowl.jpg"}}],
    "images in two forms": [BOWL | {"image": [{"@type": "ImageObject", "url": BOWL["image"]}, BOWL["image"]]}],
}


@pytest.mark.parametrize("form", FORMS)
def test_one_product_in_equal_forms(form: str) -> None:
    record = read(*FORMS[form])
    assert fields(record) == FIELDS
    assert is_product(record)


_TEXT = json.dumps(BOWL)
SLIPS = {
    "an escape that JSON does not know": _TEXT.replace("Clay bowl", r"Potter\'s bowl"),
    "entities for quotes": _TEXT.replace('"', "&quot;"),
    "a trailing comma": _TEXT[:-1] + ",}",
    "two commas": _TEXT.replace('"sku"', ', "sku"'),
    "a forgotten comma": _TEXT.replace('"CB-7",', '"CB-7"\n'),
    "a line break in a text": _TEXT.replace("Clay bowl", "Clay\n\tbowl"),
    "a quote in a text": _TEXT.replace("Clay bowl", 'Clay bowl 8" wide'),
    "a quotation in a text": _TEXT.replace("Clay bowl", 'The "best", a bowl'),
    "a backslash in a text": _TEXT.replace("Clay bowl", r"Clay\bowl\q"),
    "single quotes": _TEXT.replace('"', "'"),
    "typographic quotes": _TEXT.replace('"sku"', "“sku”"),
    "names without quotes": _TEXT.replace('"sku"', "sku"),
    "a missing value": _TEXT.replace('"sku"', '"mpn": , "sku"'),
    "an undefined value": _TEXT.replace('"sku"', '"mpn": undefined, "sku"'),
    "a forgotten bracket": _TEXT[:-1],
    "a bracket too many": _TEXT + "}",
    "a comment": _TEXT.replace('"sku"', '/* the id */ "sku"'),
    "a comment at a line's end": _TEXT.replace('"sku"', '// the id\n"sku"'),
    "a comment around it": f"<!--\n{_TEXT}\n-->",
    "a byte order mark": "\ufeff" + _TEXT,
    "a price without quotes": _TEXT.replace('"24.50"', "24,50 EUR"),
    "an escape of scripts": _TEXT.replace("Tonwerk", r"Ton\x77erk"),
    "JSON inside a text": json.dumps(_TEXT),
    "escaped quotes alone": _TEXT.replace('"', r"\""),
    "a notice before it": f"<br /><b>Notice</b>: line 7\n{_TEXT}",
    "two values": _TEXT + '{"@type": "WebSite"}',
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_with_one_reading_is_repaired(slip: str) -> None:
    assert fields(read(SLIPS[slip])) == FIELDS


def test_a_damaged_script_is_not_contradicted() -> None:
    """What can be read of it counts, and a guess never says the contrary."""
    damaged = _TEXT.replace('"name": "Clay bowl"', '"name": "Clay": "bowl" : ]')
    record = read(damaged, body="<p>€ 24.50</p>")
    assert (record.price, record.currency, record.availability) == (Decimal("24.50"), "EUR", "OutOfStock")
    shorter = '{"@type": "Product" ]: "offers": {"availability": "http://schema.org/OutOfStock" ]: 5'
    assert read(shorter, body="<p>€ 24.50</p>").availability == "OutOfStock"


@pytest.mark.parametrize(
    ("stated", "availability"),
    [
        ("http://schema.org/SoldOut", "OutOfStock"),
        ("schema:OutOfStock", "OutOfStock"),
        ("https://schema.org#OutOfStock", "OutOfStock"),
        ("https://schema.org/OutOfStock/", "OutOfStock"),
        ({"@id": "https://schema.org/OutOfStock"}, "OutOfStock"),
        (["https://schema.org/OutOfStock"], "OutOfStock"),
        ("out of stock", "OutOfStock"),
        ("out_of_stock", "OutOfStock"),
        ("Discontinued", "OutOfStock"),
        ("in stock", "InStock"),
        ("https://schema.org/LimitedAvailability", "InStock"),
        ("PreOrder", "InStock"),
    ],
)
def test_spellings_of_the_availability(stated: object, availability: str) -> None:
    assert read(BOWL | {"offers": OFFER | {"availability": stated}}).availability == availability


def test_texts_of_the_page_language_come_first() -> None:
    name = [{"@value": "Schale aus Ton", "@language": "de"}, {"@value": "Clay bowl", "@language": "en"}]
    assert read(BOWL | {"name": name}).caption == "Clay bowl"
    context = {"name": {"@id": "schema:name", "@container": "@language"}}
    mapped = BOWL | {"@context": context, "name": {"de": "Schale aus Ton", "en": "Clay bowl"}}
    assert read(mapped).caption == "Clay bowl"


def test_offers_of_one_id_and_several_prices_stay_apart() -> None:
    offers = [OFFER | {"@id": "#offer", "price": price} for price in ("24.50", "31.00")]
    assert read(BOWL | {"offers": offers}, body="<p class=price>€ 31.00</p>").price == Decimal("31.00")


def test_variants_that_refer_to_their_group() -> None:
    group = without("offers", "sku", "gtin13", **{"@type": "ProductGroup", "@id": "#g", "productGroupID": "CB"})
    parts = [
        {
            "@type": "Product",
            "name": f"Clay bowl, {size}",
            "sku": f"CB-{size}",
            "size": size,
            "isVariantOf": {"@id": "#g"},
            "offers": OFFER | {"price": price, "availability": stock},
        }
        for size, price, stock in (("S", 20, "InStock"), ("M", 25, "OutOfStock"), ("L", 30, "InStock"))
    ]
    record = read([group, *parts])
    assert (record.caption, record.brand, record.availability) == ("Clay bowl", "Tonwerk", "InStock")
    assert [(one.id, one.price, one.availability) for one in record.variants] == [
        ("CB-S", Decimal(20), "InStock"),
        ("CB-M", Decimal(25), "OutOfStock"),
        ("CB-L", Decimal(30), "InStock"),
    ]


def test_related_products_by_reference_are_others() -> None:
    others = [{"@type": "Product", "@id": f"#{name}", "name": name, "sku": name, "offers": OFFER} for name in "XYZ"]
    related = [{"@id": f"#{name}"} for name in "XYZ"]
    assert fields(read({"@graph": [BOWL | {"isRelatedTo": related}, *others]})) == FIELDS


def test_references_to_nothing_state_nothing() -> None:
    record = read(BOWL | {"offers": {"@id": "#o"}, "brand": {"@id": "#b"}, "image": {"@id": "#i"}})
    assert fields(record) == ("CB-7", "4006381333931", None, None, None, "InStock", ())


def test_circles_of_references_end() -> None:
    one = BOWL | {"@id": "#p", "isSimilarTo": {"@id": "#q"}, "subjectOf": {"@id": "#w"}}
    other = {"@type": "Product", "@id": "#q", "name": "Other", "isSimilarTo": {"@id": "#p"}}
    page = {"@type": "WebPage", "@id": "#w", "about": {"@id": "#p"}, "mainEntity": {"@id": "#p"}}
    assert fields(read([one, other, page])) == FIELDS


@pytest.mark.parametrize(
    ("price", "currency", "read_as"),
    [
        ("19.999", "USD", "19.999"),
        ("3.350", "GBP", "3.350"),
        ("24.990", "CLP", "24990"),
        ("1.299,00", "EUR", "1299.00"),
        ("1,299.00", "USD", "1299.00"),
        ("12.500", "KWD", "12.500"),
        ("€ 12.50", "EUR", "12.50"),
    ],
)
def test_a_price_of_markup_has_a_point_before_decimals(price: str, currency: str, read_as: str) -> None:
    assert read(BOWL | {"offers": OFFER | {"price": price, "priceCurrency": currency}}).price == Decimal(read_as)


def test_thousands_in_markup_are_those_that_the_page_shows() -> None:
    bowl = BOWL | {"offers": OFFER | {"price": "1.299"}}
    assert read(bowl, body="<p class=price>1.299,00 €</p>").price == Decimal(1299)
    assert read(bowl, body="<p class=price>€ 1.299 / 1.299</p>").price is not None


def test_property_values() -> None:
    properties = [
        {"@type": "PropertyValue", "name": "Voltage", "minValue": 100, "maxValue": 240, "unitText": "V"},
        {"@type": "PropertyValue", "name": "Colours", "value": ["red", "blue"]},
        {"@type": "PropertyValue", "name": "Weight", "value": {"@value": "0.5"}, "unitText": "kg"},
    ]
    specs = [(one.property, one.value) for one in read(BOWL | {"additionalProperty": properties}).specs]
    assert specs == [("Voltage", "100–240 V"), ("Colours", "red, blue"), ("Weight", "0.5 kg")]


@pytest.mark.parametrize("gtin", ["4006381333932", "978-902453827X", "0000000000000", "12345"])
def test_a_gtin_with_a_wrong_check_digit_is_none(gtin: str) -> None:
    assert read(BOWL | {"gtin13": gtin}).gtin is None


def test_json_ld_in_the_state_of_an_application() -> None:
    state = {"route": "/p/bowl", "seo": {"jsonLd": BOWL, "type": "product"}}
    html = f"<title>Clay bowl</title><h1>Clay bowl</h1><script>window.__STATE__ = {json.dumps(state)}</script>"
    assert fields(parse_page(html.encode(), URL)) == FIELDS
