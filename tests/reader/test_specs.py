"""Specifications in any layout and language; other content with the same layout is left out."""

import pytest

from crawler import parse_page

URL = "https://shop.example/p/1"


def specs(html: str) -> list[tuple[str, str]]:
    page = f"<html><head><title>Thing</title></head><body><h1>Thing</h1>{html}</body></html>"
    return [(spec.property, spec.value) for spec in parse_page(page.encode(), URL).specs]


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (
            "<table><tr><th>Colour</th><td>red</td></tr><tr><th>Weight</th><td>2 kg</td></tr></table>",
            [("Colour", "red"), ("Weight", "2 kg")],
        ),
        (
            (
                "<table><tr><td colspan=2><b>Maße</b></td></tr><tr><td>Breite</td>"
                "<td>28 cm</td></tr><tr><td>Höhe</td><td>9 cm</td></tr></table>"
            ),
            [("Breite", "28 cm"), ("Höhe", "9 cm")],
        ),
        (
            "<dl><dt>Materiał:</dt><dd>bawełna</dd><dt>Kolor:</dt><dd>zielony</dd></dl>",
            [("Materiał", "bawełna"), ("Kolor", "zielony")],
        ),
        (
            "<ul><li>Цвет: синий</li><li>Материал: хлопок</li><li>Страна производства: Россия</li></ul>",
            [("Цвет", "синий"), ("Материал", "хлопок"), ("Страна производства", "Россия")],
        ),
        (
            "<div><p><strong>Couleur :</strong> rouge</p><p><strong>Matière :</strong> coton</p></div>",
            [("Couleur", "rouge"), ("Matière", "coton")],
        ),
        (
            (
                "<div class=spec-list><div><span>素材</span><span>綿100%</span></div><div>"
                "<span>サイズ</span><span>M</span></div><div><span>原産国</span><span>日本</span></div></div>"
            ),
            [("素材", "綿100%"), ("サイズ", "M"), ("原産国", "日本")],
        ),
        (
            "<div id=desc>【品名】茶壶<br>【材质】紫砂<br>【容量】200ml</div>",
            [("品名", "茶壶"), ("材质", "紫砂"), ("容量", "200ml")],
        ),
        (
            "<table class=specs><tr><th>WiFi</th><td>✓</td></tr><tr><th>Bluetooth</th><td>-</td></tr></table>",
            [("WiFi", "✓"), ("Bluetooth", "-")],
        ),
        (
            (
                "<h3>Details</h3><div class=rows><div><b>Rise:</b> <i>Normal</i>"
                "</div><div><b>Pockets:</b> <i>Back pocket</i></div></div>"
            ),
            [("Rise", "Normal"), ("Pockets", "Back pocket")],
        ),
        (
            (
                "<table><tr><td>Energy class</td><td>A<sup>++</sup></td>"
                "</tr><tr><td>Power</td><td>2<br>W</td></tr></table>"
            ),
            [("Energy class", "A++"), ("Power", "2 W")],
        ),
        (
            (
                "<div class=detail><table><tr><th>Brand</th><td>IKEA</td></tr>"
                "</table><table><tr><th>Material</th><td>oak</td></tr></table></div>"
            ),
            [("Brand", "IKEA"), ("Material", "oak")],
        ),
        (
            (
                "<table><tr><th>Colour</th><td>red</td></tr><tr><th>Size</th><td>L</td></tr></table>"
                "<ul><li>Colour: red</li><li>Size: L</li></ul>"
            ),
            [("Colour", "red"), ("Size", "L")],
        ),
    ],
)
def test_specifications_are_found(html: str, found: list[tuple[str, str]]) -> None:
    assert specs(html) == found


@pytest.mark.parametrize(
    "html",
    [
        (
            "<h3>Size chart</h3><table><tr><th>Size</th><th>Chest</th></tr><tr>"
            "<td>S</td><td>96</td></tr><tr><td>M</td><td>100</td></tr></table>"
        ),
        (
            "<table><tr><th>EU</th><td>36</td><td>37</td><td>38</td></tr>"
            "<tr><th>UK</th><td>3</td><td>4</td><td>5</td></tr></table>"
        ),
        (
            "<table class=shipping><tr><td>Standard delivery</td><td>3 days</td>"
            "</tr><tr><td>Express delivery</td><td>1 day</td></tr></table>"
        ),
        (
            "<table><tr><th>Monat</th><th>Rate</th></tr><tr><td>3</td>"
            "<td>84,42 €</td></tr><tr><td>6</td><td>43,80 €</td></tr></table>"
        ),
        (
            "<table><tr><th>January 2020</th><td>350,00 €</td></tr>"
            "<tr><th>February 2020</th><td>357,68 €</td></tr></table>"
        ),
        (
            "<div class=reviews><table><tr><th>Colour</th><td>as shown</td>"
            "</tr><tr><th>Material</th><td>fine</td></tr></table></div>"
        ),
        (
            "<div><span>5 stars</span><span>343</span></div><div><span>4 stars</span>"
            "<span>64</span></div><div><span>3 stars</span><span>9</span></div>"
        ),
        (
            "<table class=cart><tr><td>Subtotal</td><td>$3.00</td></tr><tr><td>Shipping</td>"
            "<td>$1.00</td></tr><tr><td>Total</td><td>$4.00</td></tr></table>"
        ),
        "<ul class=nav><li>Colour: red</li><li>Material: oak</li></ul>",
        "<footer><dl><dt>Material</dt><dd>x</dd><dt>Colour</dt><dd>y</dd></dl></footer>",
        (
            "<dl><dt>What is it made of?</dt><dd>It is made of oak. We like oak. You will too.</dd>"
            "<dt>Is it big?</dt><dd>No.</dd></dl>"
        ),
        "<p>Note: the colour may differ.</p><p>Please read: everything.</p>",
        "<table><tr><td><table><tr><td>menu</td><td>cart</td></tr></table></td><td>x</td></tr></table>",
        "<ol><li>1) Length of the leg: measured inside.</li><li>2) Width of the chest: measured outside.</li></ol>",
        "<div class=sku-attr><dl><dt>Color</dt><dd>red blue</dd></dl><dl><dt>Size</dt><dd>S M L</dd></dl></div>",
        "<script>Colour: red</script><style>Material: oak</style>",
    ],
)
def test_lookalikes_are_not_specifications(html: str) -> None:
    assert specs(html) == []


def test_other_rows_of_a_specification_table_are_dropped() -> None:
    html = """<table><tr><th>UPC</th><td>9780470080238</td></tr><tr><th>Product Type</th><td>Book</td></tr>
    <tr><th>Price (excl. tax)</th><td>£9.99</td></tr><tr><th>Availability</th><td>In stock</td></tr>
    <tr><th>Number of reviews</th><td>1</td></tr><tr><th>Cover</th><td>Paperback</td></tr></table>"""

    assert specs(html) == [("UPC", "9780470080238"), ("Product Type", "Book"), ("Cover", "Paperback")]


def test_section_titles_are_not_property_names() -> None:
    html = """<ul class="product-details"><li><div>Material</div><div><p>Top: oak</p><p>Leg: steel</p></div></li>
    <li><div>Care</div><div><p>Wash: never</p><p>Dry: always</p></div></li>
    <li><div>Size</div><div><p>Width: 2 m</p></div></li></ul>"""

    assert ("Top", "oak") in specs(html)
    assert not {"Material", "Care", "Size"} & {name for name, _ in specs(html)}
