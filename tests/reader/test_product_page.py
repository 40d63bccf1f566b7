"""Page objects: how those of a single shop are written, chosen and named."""

import pytest

from core.errors import SettingsError
from core.records import Specification
from crawler import ProductPage, field, page_object_for, parse_page
from reader.parse import load_page_object
from reader.sites import JdPage

URL = "https://corner.example/p/77"
PAGE = """<title>Kettle 微信：kettle_99</title><h1>Kettle 微信：kettle_99</h1><b class="our-number">K-9</b>
<div>Sold by <i>Corner &amp; Sons</i></div><ul class="facts"><li>Farbe -> rot</li></ul>""".encode()


class CornerPage(ProductPage):
    """The page object of a shop that writes its tables with arrows."""

    @field
    def native_id(self) -> str | None:
        return str(self.document.tree.findtext(".//*[@class='our-number']"))

    @field
    def specs(self) -> tuple[Specification, ...]:
        items = self.document.tree.xpath("//ul[@class='facts']/li/text()")
        return tuple(Specification(*str(item).split(" -> ")) for item in items)

    def merchant_name(self) -> str | None:
        return "Corner & Sons"


def test_the_origin_of_an_overridden_field_is_its_page_object() -> None:
    record = parse_page(PAGE, URL, page_object=CornerPage, merchant_key=b"key")

    assert record.native_id == "K-9"
    assert record.specs == (Specification("Farbe", "rot"),)
    assert record.caption == "Kettle 微信：〈wechat〉"
    assert record.masked == 1
    assert {name: record.origins[name].partition(" ")[0] for name in ("native_id", "specs", "merchant", "caption")} == {
        "native_id": "page:CornerPage",
        "specs": "page:CornerPage",
        "merchant": "page:CornerPage",
        "caption": "html:h1",
    }


def test_the_merchant_name_is_not_in_the_record() -> None:
    record = parse_page(PAGE, URL, page_object=CornerPage, merchant_key=b"key")

    assert record.merchant is not None
    assert "Corner" not in repr(record).replace("CornerPage", "")


def test_page_and_page_object_give_the_same_merchant() -> None:
    hashes = {
        parse_page(PAGE, URL, page_object=page, merchant_key=b"key").merchant for page in (CornerPage, ProductPage)
    }

    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://item.jd.com/1.html", JdPage),
        ("https://ITEM.JD.COM/1.html", JdPage),
        ("https://item.jd.com.evil.example/1.html", ProductPage),
        ("https://shop.example/", ProductPage),
    ],
)
def test_page_object_for_a_url(url: str, page: type[ProductPage]) -> None:
    assert page_object_for(url) is page


def test_load_page_object() -> None:
    assert load_page_object("reader.sites:JdPage") is JdPage
    assert parse_page(PAGE, URL, page_object="reader.product_page:ProductPage") == parse_page(PAGE, URL)


@pytest.mark.parametrize("name", ["", "crawler", "no.such.module:Page", "crawler:NoPage", "core.records:ProductRecord"])
def test_an_unknown_page_object_is_an_error(name: str) -> None:
    with pytest.raises(SettingsError, match="page_object"):
        load_page_object(name)
