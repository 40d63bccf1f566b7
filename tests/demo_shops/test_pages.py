import json
from collections.abc import Callable

import pytest
from lxml import html

from demo_shops.truth import ProductTruth, Truth

Fetch = Callable[..., tuple[int, dict[str, str], bytes]]


def _texts(tree: html.HtmlElement, path: str) -> list[str]:
    return [" ".join(str(found).split()) for found in tree.xpath(path)]


def _tree(product: ProductTruth, fetch: Fetch) -> html.HtmlElement:
    encoding = "gbk" if product.source == "south" else "utf-8"
    return html.fromstring(fetch(product.record.url)[2].decode(encoding), base_url=product.record.url)


def _of(truth: Truth, markup: str) -> list[ProductTruth]:
    found = [one for one in truth.products if one.markup == markup]
    assert found
    return found


def _unmasked(product: ProductTruth, text: str | None) -> str | None:
    """Restore the masked contact details, to compare with the page."""
    for detail in product.contacts:
        for token in ("〈phone〉", "〈wechat〉", "〈email〉"):
            text = text.replace(token, detail) if text else text
    return text


def test_json_ld_pages_say_what_the_record_says(truth: Truth, fetch: Fetch) -> None:
    for product in _of(truth, "json-ld"):
        tree, record = _tree(product, fetch), product.record
        blocks = [json.loads(text) for text in tree.xpath("//script[@type='application/ld+json']/text()")]
        crumbs, data = blocks
        assert data.get("name") == _unmasked(product, record.caption)
        assert [data["sku"], data["mpn"], data["brand"]["name"]] == [record.native_id, record.mpn, record.brand]
        assert data["offers"]["price"] == str(record.price)
        assert data["offers"]["seller"]["name"] == product.merchant
        assert tuple(data.get("image", ())) == record.image_urls
        assert tuple(item["name"] for item in crumbs["itemListElement"][1:]) == record.category
        table = _texts(tree, "//table[@class='specs']//td/text()")
        values = table or [row["value"] for row in data.get("additionalProperty", ())]
        assert values == [_unmasked(product, spec.value) for spec in record.specs]


def test_microdata_pages_have_their_table_as_a_list(truth: Truth, fetch: Fetch) -> None:
    for product in _of(truth, "microdata"):
        tree, record = _tree(product, fetch), product.record
        assert _texts(tree, "//h1[@itemprop='name']/text()") == [_unmasked(product, record.caption)]
        assert tree.xpath("//script") == []
        assert _texts(tree, "//dl/dt/text()") == [spec.property for spec in record.specs]
        assert _texts(tree, "//dl/dd/text()") == [_unmasked(product, spec.value) for spec in record.specs]
        assert _texts(tree, "//*[@itemprop='image']/@src") == [
            one.url[one.url.index("/img") :] for one in product.media[:5]
        ]


def test_plain_pages_are_gbk_without_any_markup(truth: Truth, fetch: Fetch) -> None:
    for product in _of(truth, "plain"):
        _, headers, body = fetch(product.record.url)
        with pytest.raises(UnicodeDecodeError):
            body.decode("utf-8")
        assert headers["Content-Type"] == "text/html"
        assert b"charset=gb2312" in body
        assert b"itemprop" not in body
        assert b"ld+json" not in body
        assert b"og:" not in body


def test_plain_pages_show_the_record_between_decoys(truth: Truth, fetch: Fetch) -> None:
    for product in _of(truth, "plain"):
        tree, record = _tree(product, fetch), product.record
        text = " ".join(tree.text_content().split())
        assert _texts(tree, "//h1/text()") == [] if record.caption is None else [_unmasked(product, record.caption)]
        assert f"店铺: {product.merchant}" in text
        assert f"货号: {record.native_id}" in text
        assert f"首页 > {' > '.join(record.category)}" in text
        assert _texts(tree, "//p[@class='price']/b/text()")[0][1:] == str(record.price)
        rows = tree.xpath("//h3[.='规格参数']/following-sibling::table[1]//tr") if record.specs else []
        assert [_texts(row, "td/text()") for row in rows] == [
            [spec.property, _unmasked(product, spec.value)] for spec in record.specs
        ]
        assert len(tree.xpath("//table[@class='shipping']")) == 1
        assert len(tree.xpath("//div[@class='recommend']//img")) == 4


def test_contact_details_are_on_the_page_and_in_no_record(truth: Truth, fetch: Fetch) -> None:
    detailed = [one for one in truth.products if one.contacts]
    assert len(detailed) >= 4
    for product in detailed:
        text = _tree(product, fetch).text_content()
        assert all(detail in text for detail in product.contacts)
        assert product.record.masked == len(product.contacts)
        assert not any(detail in repr(product.record) for detail in product.contacts)


def test_masked_words_are_the_agreed_ones(truth: Truth) -> None:
    words = "".join(f"{one.record.caption}{one.record.specs}" for one in truth.products if one.contacts)
    assert all(token in words for token in ("〈phone〉", "〈wechat〉", "〈email〉"))
