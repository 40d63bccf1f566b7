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


def test_what_is_no_product_has_the_reason() -> None:
    listing = parse_page(f"<title>Lamps</title><h1>Lamps</h1><ul>{_TILES}</ul>".encode(), "https://x.example/lamps")
    assert is_product(listing).reason == "listing"
