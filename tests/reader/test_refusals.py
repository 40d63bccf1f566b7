"""What no product has as a value: by kind, on whole pages, and what resembles it and is one."""

import pytest

from reader.parse import parse_page
from reader.refusals import is_command, is_date, is_interface, is_missing, is_paragraph, is_software_type, is_template

URL = "https://shop.example/p/green-lamp-1234"
BUY = "<p>$49.00</p><button>Add to cart</button>"


def page(body: str, head: str = "") -> bytes:
    return f"<html><head><title>Green lamp</title>{head}</head><body>{body}</body></html>".encode()


@pytest.mark.parametrize(
    "text",
    [
        *("{vendor}", "Manage {vendor_count} vendors", "${brand}", "#{brand}", "{{ product.vendor }}", "{% vendor %}"),
        *(
            "[[brand]]",
            "<%= brand %>",
            "$metabrand",
            "$product->brand",
            "%s",
            "%1$s",
            "%BRAND%",
            "%%brand%%",
            "##SKU##",
        ),
        *(
            "__SKU__",
            "undefined",
            "null",
            "NaN",
            "[object Object]",
            "product.vendor",
            "l_%7Bwidth%7Dx.jpg",
            "@Model.Sku",
        ),
    ],
)
def test_placeholders_are_templates(text: str) -> None:
    assert is_template(text)


@pytest.mark.parametrize(
    "text", ["Bosch", "Ke$ha", "100% cotton", "A&D", "5% off", "$49.00", "No. 7", "{ }", "A_B_C", "50%s", "Nano"]
)
def test_names_are_no_templates(text: str) -> None:
    assert not is_template(text)


@pytest.mark.parametrize("text", ["", "-", "N/A", "n.a.", "none", "keine", "нет", "无", "không có", "/", "tbd"])
def test_words_for_no_value_are_missing(text: str) -> None:
    assert is_missing(text)


@pytest.mark.parametrize(
    "text", ["Availability", "(Details)", "Verfügbarkeit:", "В корзину", "加入购物车", "Còn hàng", "Отзывы"]
)
def test_words_of_buttons_tabs_and_forms_are_interface(text: str) -> None:
    assert is_interface(text)


@pytest.mark.parametrize("text", ["View Full Info", "Manage 12 vendors", "Show 24 more", "Bitte wählen Sie", "Ver más"])
def test_requests_to_the_visitor_are_commands(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize("text", ["Detailing Co", "Select Sport", "Viewsonic", "Moreno", "Cartier", "Buy&Bye"])
def test_names_like_interface_words_are_no_interface(text: str) -> None:
    assert (is_interface(text), is_command(text)) == (False, False)


@pytest.mark.parametrize(
    "text", ["2024-03-01", "01.03.2024", "12 March 2024", "1 de marzo de 2024", "March 3, 2021", "2024年3月1日"]
)
def test_dates(text: str) -> None:
    assert is_date(text)


@pytest.mark.parametrize("text", ["361", "1883 Maison", "Route 66", "7 For All Mankind", "2001-19"])
def test_numbers_in_names_are_no_dates(text: str) -> None:
    assert not is_date(text)


@pytest.mark.parametrize("text", ["simple", "Configurable", "product", "variable product", "catalog_product_view"])
def test_types_of_shop_software(text: str) -> None:
    assert is_software_type(text)


def test_prose_is_a_paragraph_and_a_list_is_none() -> None:
    prose = "This lamp is made by hand in a small workshop. It lights a room. Every piece is unlike the others."
    listed = "Wasser, Zucker, Kakaobutter, Magermilchpulver, Salz, Sojalecithin, Vanille, " * 5

    assert (is_paragraph(prose), is_paragraph(listed), is_paragraph("Solid oak, oiled")) == (True, False, False)


@pytest.mark.parametrize(
    "body",
    [
        "<ul><li><span>SKU:</span> <span></span></li><li class=availability>Availability: in stock</li><li>x</li></ul>",
        "<p>SKU: <b></b></p><p>Availability</p>",
        "<dl><dt>SKU:</dt><dt>Reviews</dt><dd>none yet</dd></dl>",
        "<table><tr><td>SKU:</td><td></td></tr><tr><td>Shipping</td><td>free</td></tr><tr><td>a</td></tr></table>",
        "<label>SKU:</label> <select><option>A1</option></select> <span>Choose-1</span>",
        "<p>SKU: undefined</p>",
        '<p class="sku">{{ sku }}</p>',
        '<button class="sku">AB-1</button>',
    ],
)
def test_label_without_a_value_gives_no_id(body: str) -> None:
    record = parse_page(page(f"<h1>Green lamp</h1>{BUY}{body}"), URL)

    assert record.native_id == "1234"


@pytest.mark.parametrize(
    "body",
    [
        '<ul><li><a class="manage-vendors" href="#">Manage {vendor_count} vendors</a></li></ul>',
        '<div role="dialog"><a class="vendors" href="/vendors/all">Our 12 partners</a></div>',
        '<button class="brand">Details</button>',
        "<p>Brand: <span>$metabrand</span></p>",
        "<p>Brand: 12 March 2024</p>",
        "<p>Brand: www.shop.example</p>",
        "<p>Marke: auswählen</p>",
        "<div><label>Brand:</label><select><option>A</option></select><em>Delivery in 3 days</em></div>",
    ],
)
def test_text_that_is_no_brand_is_refused(body: str) -> None:
    assert parse_page(page(f"<h1>Green lamp</h1>{BUY}{body}"), URL).brand is None


def test_placeholder_in_markup_is_no_value() -> None:
    script = '{"@type": "Product", "name": "Green lamp", "sku": "undefined", "brand": "$metabrand", "mpn": "null"}'
    record = parse_page(page(f"<h1>Green lamp</h1>{BUY}", f'<script type="application/ld+json">{script}</script>'), URL)

    assert (record.native_id, record.brand, record.mpn) == ("1234", None, None)


@pytest.mark.parametrize("kind", ["simple", "product", "variable", "configurable", "Default Category"])
def test_type_of_the_software_is_no_category(kind: str) -> None:
    state = f'<script>dataLayer.push({{"product": {{"name": "Green lamp", "type": "{kind}", "price": 49}}}})</script>'

    assert parse_page(page(f"{state}<h1>Green lamp</h1>{BUY}"), URL).category == ()


@pytest.mark.parametrize(
    "rows",
    [
        "<tr><th>Qty</th><td><select><option>1</option></select> Delivery in 3 to 5 days</td></tr>",
        "<tr><th>Product Type</th><td>View Full Info</td></tr>",
        "<tr><th>Also bought</th><td>Thank you for signing up</td></tr>",
        "<tr><th>Care</th><td>{{ care }}</td></tr>",
        "<tr><th>Sold by</th><td>Bright</td></tr><tr><th>Vendor</th><td>Bright</td></tr>",
        "<tr><th>About</th><td>It is made by hand. It lights a room. Every piece is unlike the others.</td></tr>",
    ],
)
def test_rows_that_are_no_specifications_are_left_out(rows: str) -> None:
    names = ("Colour", "Height", "Weight")
    kept = "".join(f"<tr><th>{name}</th><td>green {name}</td></tr>" for name in names)
    shown = page(f"<h1>Green lamp</h1>{BUY}<table>{kept}{rows}</table>")
    record = parse_page(shown, "https://bright.example/p/green-lamp")

    assert [spec.property for spec in record.specs] == [*names]


@pytest.mark.parametrize("value", ["l_{width}x.jpg", "l_%7Bwidth%7D.jpg", "{{ image }}.jpg", "l-${size}.jpg"])
def test_image_that_a_script_fills_in_gives_way_to_the_one_shown(value: str) -> None:
    image = f'<img class="product-image" data-src="https://cdn.example/{value}" src="https://cdn.example/l_300x.jpg">'

    assert parse_page(page(f"<h1>Green lamp</h1>{image}{BUY}"), URL).image_urls == ("https://cdn.example/l_300x.jpg",)
