"""Candidates of a page: the values found, and which of them count as the same."""

import pytest

from reader.document import read_document
from reader.media_candidates import image_key
from reader.model import Candidate
from reader.reading import Reading


def candidates(html: str, field: str, url: str = "https://shop.example/p/lumo-desk-lamp") -> list[Candidate]:
    return list(Reading(read_document(html.encode(), url)).candidates(field))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://x.example/lamp_1024x1024@2x.png?v=1", "https://x.example/lamp.png"),
        ("https://x.example/lamp-300x300.jpeg", "https://cdn.example/Lamp.jpg"),
        ("https://x.example/files/5.jpg?v=17", "https://x.example/files/5﹖v=17&width=416.jpg"),
    ],
)
def test_sizes_and_types_of_one_image_are_one(one: str, other: str) -> None:
    assert image_key(one) == image_key(other)


@pytest.mark.parametrize(("one", "other"), [("lamps.jpg", "lamp.jpg"), ("red-lamp.jpg", "blue-lamp.jpg")])
def test_other_names_are_other_images(one: str, other: str) -> None:
    assert image_key(f"https://x.example/{one}") != image_key(f"https://x.example/{other}")


def test_a_counter_of_visits_is_no_image() -> None:
    html = '<h1>Lamp</h1><img src="/count/1" style="position:absolute; left:-9999px;"><img src="/lamp.jpg">'

    assert [one.value for one in candidates(html, "image_urls")] == ["https://shop.example/lamp.jpg"]


def test_each_place_of_a_value_has_its_evidence() -> None:
    html = '<h1>Lamp</h1><p class="price">€ 49</p><div class="footnote"><p>€ 49</p></div>'
    (price,) = candidates(html, "price")

    assert price.count == len(price.places)
    assert any("0:price" in place for place in price.places)
    assert not all("0:price" in place for place in price.places)


def test_the_words_that_lead_the_title_may_be_the_brand() -> None:
    html = '<meta name="keywords" content="Lumo, lamps"><h1>Lumo Desk lamp</h1><a href="/all/lumo">Lumo</a>'
    found = {one.value: one for one in candidates(html, "brand")}

    assert {"Lumo", "Lumo Desk", "Lumo Desk lamp"} <= set(found)
    assert {"keyword", "address", "linked:1", "shorter"} <= found["Lumo"].evidence
    assert "keyword" not in found["Lumo Desk"].evidence


def test_the_longer_of_two_paths_extends_the_other() -> None:
    lists = "".join(
        '<script type="application/ld+json">{"@type": "BreadcrumbList", "itemListElement": ['
        + ", ".join(f'{{"position": {n}, "name": "{name}"}}' for n, name in enumerate(names))
        + "]}</script>"
        for names in (("Lamps",), ("Light", "Lamps"))
    )
    found = {one.value: one.evidence for one in candidates(f"{lists}<h1>Lumo</h1>", "category")}

    assert "extends:True" in found["Light", "Lamps"]
    assert "extended:True" in found["Lamps",]


def test_texts_beside_the_heading_may_be_the_brand() -> None:
    html = "<title>Lumo Desk lamp</title><h3>Lumo</h3><h1>Desk lamp</h1><p>New</p>"
    found = {one.value: one.evidence for one in candidates(html, "brand")}

    assert {"above", "above:begins"} <= found["Lumo"]
    assert {"below", "below:no"} <= found["New"]


@pytest.mark.parametrize(("title", "own"), [("Lumo lamp – Lumo", True), ("Lumo lamp – Bright", False), ("Lumo", False)])
def test_a_shop_may_name_its_products_after_itself(title: str, *, own: bool) -> None:
    found = {one.value: one.evidence for one in candidates(f"<title>{title}</title><h1>Lumo lamp</h1>", "brand")}

    assert ("title-end" in found["Lumo"]) == own


def test_links_to_lists_of_brands_and_menus_name_no_brand() -> None:
    menu = '<a href="/brands.php">Top brands</a> <a href="/b">Brand</a> <a href="/g">Gifts</a>'

    assert {one.value for one in candidates(f"<h1>Desk</h1><p>€ 5</p>{menu}", "brand")} <= {"Desk", "shop", "€ 5"}


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>SKU</p><p>L-2000</p>", "L-2000"),
        ("<p>SKU:</p><p>LAMP</p>", "LAMP"),
        ("<p>SKU</p><p>Rating</p>", None),
        ("<p>Mã:</p><p>L-2000</p>", "L-2000"),
    ],
)
def test_a_word_under_a_label_without_a_colon_is_no_id(html: str, found: str | None) -> None:
    shown = [one.value for one in candidates(f"<h1>Desk lamp</h1>{html}", "native_id") if one.origin != "url"]

    assert shown == ([found] if found else [])


@pytest.mark.parametrize(
    ("html", "evidence"),
    [
        ("<h1>Lamp</h1><p>€ 1080</p><p>€ 649</p><p>(40% off)</p>", {"1080": "sum:cut:before", "649": "sum:cut:now"}),
        ("<h1>Lamp</h1><p>€ 90</p><p>€ 70</p><p>Save € 20</p>", {"20": "sum:cut:saving"}),
        ("<h1>Lamp</h1><p>R$ 134,90</p><p>6 x de R$ 22,48</p>", {"22.48": "sum:instalment"}),
        ("<h1>Lamp</h1><p>R$ 90</p><p>10% off no Pix</p><p>R$ 100</p>", {"90": "sum:then:conditional"}),
        ("<h1>Lamp</h1><p>€ 5</p><h2>Bought together</h2><p>€ 9</p>", {"5": "section:own", "9": "sum:section:decoy"}),
    ],
)
def test_amounts_that_follow_from_others_say_so(html: str, evidence: dict[str, str]) -> None:
    found = {str(one.value): set().union(*one.places) for one in candidates(html, "price")}

    assert {value: evidence[value] in found[value] for value in evidence} == dict.fromkeys(evidence, True)


def test_price_may_stand_in_the_heading() -> None:
    html = '<h1>Desk lamp 25 W <span class="price">€ 49</span></h1>'

    assert [str(one.value) for one in candidates(html, "price")] == ["49"]


def test_heading_of_another_section_does_not_name_the_product() -> None:
    html = "<title>Desk lamp – Bright</title><h2>Your cart is empty</h2><div><b>Desk lamp</b></div><p>€ 5</p>"
    seen = Reading(read_document(html.encode(), "https://bright.example/p/81")).seen

    assert seen.title is not None
    assert seen.title.tag == "b"


@pytest.mark.parametrize("text", ["view.php", "a.jpg", "product?id=81", "colour=81"])
def test_pieces_of_a_url_are_no_ids(text: str) -> None:
    assert candidates(f"<h1>Lamp</h1><p>SKU: {text}</p>", "native_id", "https://x.example/p/lamp") == []
