"""Descriptions and selling points, from markup, scripts and the text of the page."""

import json

import pytest

from core.records import ProductRecord
from crawler import parse_page

URL = "https://shop.example/p/reed-lamp"
FIRST = "A floor lamp woven from river reed by two brothers in their yard."
SECOND = "The shade turns on its foot, so that the light falls where you read."
BOTH = f"<p>{FIRST}</p><p>{SECOND}</p>"
SENT = '<div id="t2"><p>We send parcels on Mondays and Thursdays, and answer letters on all other days.</p></div>'
FACTS = "<tr><th>Colour</th><td>natural</td></tr><tr><th>Height</th><td>1 m</td></tr>"
STATE = {"title": "Reed lamp", "handle": "reed-lamp", "description": BOTH}
READ = f"{FIRST}\n{SECOND}"


def read(html: str, markup: dict[str, object] | None = None) -> ProductRecord:
    product = {"@context": "https://schema.org", "@type": "Product", "name": "Reed lamp", **(markup or {})}
    script = f'<script type="application/ld+json">{json.dumps(product)}</script>' if markup else ""
    page = (
        f"<html><head><title>Reed lamp</title>{script}</head><body><h1>Reed lamp</h1><p>$49.00</p>{html}</body></html>"
    )
    return parse_page(page.encode(), URL)


@pytest.mark.parametrize(
    "html",
    [
        f'<div class="product-description">{BOTH}</div>',
        f'<div id="tab-description"><h2>Description</h2>{BOTH}</div>',
        f"<h2>Product description</h2>{BOTH}<h2>Delivery</h2><p>We send parcels on Mondays and on Thursdays.</p>",
        f"<h3>Beschreibung</h3><div>{FIRST}<br>{SECOND}</div><h3>Versand</h3><p>Wir versenden oft.</p>",
        f'<a href="#t1">Description</a> <a href="#t2">Delivery</a><div id="t1">{BOTH}</div>{SENT}',
        f'<button aria-controls="p">Description</button><div id="p">{BOTH}</div>',
        f"<div>{BOTH}</div>",
        f"<script>var product = {json.dumps(STATE)}</script>",
    ],
)
def test_description_of_page_without_markup(html: str) -> None:
    assert read(html).description == READ


@pytest.mark.parametrize(
    "html",
    [
        "<p>In stock.</p>",
        '<div class="product-overview"><span>4.5</span> <span>from 1,210 reviews</span></div>',
        f'<div class="description"><table>{FACTS}</table></div>',
        f'<footer><div class="shop-description">{BOTH}</div></footer>',
    ],
)
def test_page_without_description(html: str) -> None:
    assert read(html).description is None


def test_markup_states_the_description_that_the_page_lacks() -> None:
    record = read("", {"description": f"<p>{FIRST}</p>\n<p>Light &amp; firm.</p>"})

    assert (record.description, record.origins["description"]) == (f"{FIRST}\nLight & firm.", "json-ld")


def test_page_shows_the_whole_of_a_cut_description() -> None:
    record = read(f'<div class="about">{BOTH}</div>', {"description": f"{FIRST} The shade turns on its…"})

    assert (record.description, record.origins["description"]) == (READ, "html:description")


def test_place_that_shows_tags_or_only_the_name_is_not_the_description() -> None:
    tags = f'<div class="copy">&lt;p&gt;{FIRST}&lt;/p&gt; &lt;p&gt;{SECOND}&lt;/p&gt;</div>'
    name = "<div>Quantity of Reed lamp of the brothers in the yard</div>"

    assert read(tags, {"description": f"{FIRST} {SECOND}"}).description == f"{FIRST} {SECOND}"
    assert read(name, {"description": "Reed lamp Reed lamp Reed lamp"}).description == "Reed lamp Reed lamp Reed lamp"


def test_contact_details_of_description_are_masked_line_by_line() -> None:
    record = read("", {"description": f"{FIRST}<br>Write to lamps@shop.example<br>Height 1380<br>13800138000"})

    assert record.description == f"{FIRST}\nWrite to 〈email〉\nHeight 1380\n〈phone〉"
    assert record.masked == 2


@pytest.mark.parametrize(
    "html",
    [
        '<ul class="feature-bullets"><li>Turns</li><li>Dims to a tenth</li><li>Turns</li></ul>',
        "<h3>Key features</h3><ul><li>Turns</li><li>Dims to a tenth</li></ul>",
        '<div class="product-highlights"><ul><li>Turns</li><li>Dims to a tenth</li></ul></div>',
    ],
)
def test_selling_points(html: str) -> None:
    assert read(html).features == ("Turns", "Dims to a tenth")


def test_list_of_other_things_holds_no_selling_points() -> None:
    assert read("<ul><li>Home</li><li>Lamps</li></ul>").features == ()
