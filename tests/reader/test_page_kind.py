"""Kinds of pages: product, listing, soft 404, other, each with its probability."""

import pytest

from crawler import is_product, parse_page

_TILES = "".join(
    f"<li><a href='/p/{n}'><img src='/{n}.jpg'>Lamp {n}</a> <b>€ {n}.99</b> <button>Add to cart</button></li>"
    for n in range(5, 15)
)
_NAMES = "".join(f"<li><a href='/p/{n}'><img src='/{n}.jpg'>Lamp {n}</a></li>" for n in range(12))
_ITEMS = '[{"@type":"Product","name":"Chair"},{"@type":"Product","name":"Desk"},{"@type":"Product","name":"Sofa"}]'
_ONE = '{"@type":"Product","name":"Lamp","offers":{"price":"5","priceCurrency":"EUR"}}'
_SCRIPT = "<script type='application/ld+json'>{}</script>"


def kind(body: str, url: str = "https://x.example/lamps") -> tuple[str, float]:
    record = parse_page(f"<html lang=en><title>Lamps</title><body>{body}".encode(), url)
    name, probability = record.origins["page"].split()
    return name, float(probability)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"<h1>Lamps</h1><ul>{_TILES}</ul>", "listing"),
        (f"<h1>Lamps</h1><ul>{_NAMES}</ul><a rel='next' href='?page=2'>next</a>", "listing"),
        (f"<h1>All offers</h1>{_SCRIPT.format(_ITEMS)}", "listing"),
        ("<h1>About us</h1><p>We have sold lamps in the old town for many years.</p>", "other"),
        ("<h1>Page not found</h1><p>Sorry.</p>", "not-found"),
        (f"<h1>Lamp</h1>{_SCRIPT.format(_ONE)}<ul>{_TILES}</ul>", "product:json-ld"),
    ],
)
def test_a_page_has_a_kind_and_its_probability(body: str, expected: str) -> None:
    name, probability = kind(body)
    assert name == expected
    assert 0.25 < probability <= 1.0


@pytest.mark.parametrize(
    ("product", "url"),
    [
        ('{"@type":"Product","offers":{"price":"5","priceCurrency":"EUR"}}', "https://x.example/about"),
        ('{"@type":"Product","name":"Bright","aggregateRating":{"ratingValue":4}}', "https://bright.example/about"),
        ('{"@type":"Product","name":"Lamp","offers":{"price":"5"}}', "https://x.example/lamps?page=2"),
        ('{"@type":"Product","name":"Lamp","offers":{"price":"5"}}', "https://x.example/lamps/page/3/"),
    ],
)
def test_markup_of_a_widget_makes_no_product_page(product: str, url: str) -> None:
    prose = "<p>" + "We have sold lamps in the old town since the year of the great storm. " * 4 + "</p>"

    assert not kind(f"<h1>About us</h1>{_SCRIPT.format(product)}{prose}", url)[0].startswith("product")


@pytest.mark.parametrize("url", ["https://x.example/lamps?add-to-cart=885", "https://x.example/lamps/?page=2"])
def test_listing_after_a_click_is_a_listing(url: str) -> None:
    assert kind(f"<h1>Lamps</h1><p>Lamp 5 is in your cart.</p><ul>{_TILES}</ul>", url)[0] == "listing"


def test_what_is_no_product_has_the_reason() -> None:
    listing = parse_page(f"<title>Lamps</title><h1>Lamps</h1><ul>{_TILES}</ul>".encode(), "https://x.example/lamps")
    assert is_product(listing).reason == "listing"


@pytest.mark.parametrize("path", ["", "/", "/index.html", "/index.php"])
def test_front_page_is_a_product_only_by_its_markup(path: str) -> None:
    offer = "<h1>Lamp</h1><p>€ 5.00</p><p>SKU: L-5</p><button>Add to cart</button>"
    assert kind(offer, "https://x.example/lamp")[0] == "product:html"
    assert not kind(offer, f"https://x.example{path}")[0].startswith("product")
    assert kind(_SCRIPT.format(_ONE) + offer, f"https://x.example{path}")[0] == "product:json-ld"


@pytest.mark.parametrize(
    "item",
    [
        "<li><a href='/p/{0}'>Lamp {0}</a> € {0}.99</li>",
        "<li><img src='/{0}.jpg'><h3><a href='/p/{0}'>Lamp {0}</a></h3><p>€ {0}.99</p></li>",
    ],
)
def test_row_of_links_with_prices_is_a_listing_wherever_the_images_stand(item: str) -> None:
    rows = "".join(item.format(n) for n in range(5, 12))
    assert kind(f"<h1>Lamps</h1><ul>{rows}</ul>")[0] == "listing"
