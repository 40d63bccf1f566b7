"""Price, stock, images, videos and sellers of pages without markup."""

from decimal import Decimal

import pytest

from core.records import ProductRecord
from crawler import is_product, parse_page

URL = "https://shop.example/p/lamp-1"


def read(html: str, lang: str = "en") -> ProductRecord:
    page = f'<html lang="{lang}"><head><title>Lamp</title></head><body><h1>Lamp</h1>{html}</body></html>'
    return parse_page(page.encode(), URL, merchant_key=b"key")


@pytest.mark.parametrize(
    ("html", "price", "currency"),
    [
        ("<s>$59.00</s> <b>$49.00</b>", "49.00", "USD"),
        ('<p class="old-price">€ 59</p><p class="price">€ 49</p>', "49", "EUR"),
        ('<p class="price">173<sup>34</sup> <span>Lei</span></p>', "173.34", "RON"),
        ("<p>Free shipping over $20.00</p><p>$49.00</p>", "49.00", "USD"),
        ("<p>12 x $4.50 a month</p><p>$49.00</p>", "49.00", "USD"),
        ("<p>市场价：￥99</p><p>现价：￥89.90</p>", "89.90", "CNY"),
        ("<p>149.00 - 159.00 €</p>", "149.00", "EUR"),
        ('<div style="display:none">$1.00</div><div>$2.00</div>', "2.00", "USD"),
        ("<div>$49.00</div><div class=related><div>$1.00</div></div>", "49.00", "USD"),
        ("<p>200 ml</p><p>101693</p>", None, None),
    ],
)
def test_shown_price(html: str, price: str | None, currency: str | None) -> None:
    record = read(html)

    assert (record.price and str(record.price), record.currency) == (price, currency)


@pytest.mark.parametrize(("lang", "code"), [("zh-CN", "CNY"), ("ja", "JPY"), ("en", "¥")])
def test_yuan_or_yen_by_the_language(lang: str, code: str) -> None:
    assert read("<p class=price>¥ 1200</p>", lang).currency == code


@pytest.mark.parametrize(("sku", "found"), [("AB-1234", "AB-1234"), ("N/A", "1"), ("n/a", "1")])
def test_a_word_for_no_id_is_no_id(sku: str, found: str) -> None:
    record = read(f'<p>$49.00</p><span class="sku_wrapper">SKU: <span class="sku">{sku}</span></span>')
    assert record.native_id == found


@pytest.mark.parametrize(
    ("html", "availability"),
    [
        ("<p>$1.00</p><p>In stock (20 available)</p>", "InStock"),
        ("<p>$1.00</p><p>Currently unavailable online</p>", "OutOfStock"),
        ("<p>$1.00</p><button>Add to basket</button><p>Related: sold out</p>", "InStock"),
        ("<p>$1.00</p><ul><li>S</li><li>M sold out</li></ul><button>Buy now</button>", "InStock"),
        ('<p>1,00 €</p><p class="out-of-stock">…</p>', "OutOfStock"),
        ("<p>¥1</p><p>商品已下架</p>", "OutOfStock"),
        ('<p>$1.00</p><div><button class="btn disabled:opacity-50" disabled>Out of stock</button></div>', "OutOfStock"),
        ("<p>$1.00</p>", "InStock"),
        ("<p>nothing</p>", None),
    ],
)
def test_availability(html: str, availability: str | None) -> None:
    assert read(html).availability == availability


@pytest.mark.parametrize(
    ("html", "images"),
    [
        (
            (
                '<div class="gallery"><img src="/a_thumb.jpg" data-zoom-image="/a.jpg">'
                '<img src="/b.jpg"><img src="/logo.png"></div>'
            ),
            ["a.jpg", "b.jpg"],
        ),
        (
            (
                '<div class="main-image"><img src="/a.jpg"></div>'
                '<div class="thumbs"><img src="/t1.jpg"><img src="/t2.jpg"></div>'
            ),
            ["a.jpg", "t1.jpg", "t2.jpg"],
        ),
        (
            (
                '<div class="slider"><img src="/a.jpg"><img src="/b.jpg"></div>'
                '<div class="thumbs"><img src="/1.jpg"><img src="/2.jpg"></div>'
            ),
            ["a.jpg", "b.jpg"],
        ),
        ('<div class="swiper"><img srcset="/s.jpg 100w, /l.jpg 900w" src="/s.jpg"></div>', ["l.jpg"]),
        ('<div class="photos"><a href="/full.jpg"><img src="/small.jpg"></a></div>', ["full.jpg"]),
        ('<div class="photos"><img src="/a-100x100.jpg"><img src="/a-800x800.jpg"></div>', ["a-800x800.jpg"]),
        ('<div class="images"><a href="/p/other"><img src="/other.jpg"></a><img src="/own.jpg"></div>', ["own.jpg"]),
        ('<p><img src="/lone.jpg" width="300"></p><p><img src="/dot.jpg" width="10"></p>', ["lone.jpg"]),
        (
            (
                '<footer class="gallery"><img src="/a.jpg"></footer>'
                '<div class="related carousel"><img src="/b.jpg"></div>'
            ),
            [],
        ),
        ('<div class="gallery"><img src="data:image/gif;base64,AA"><img src="/x.svg"><img src="/y.gif"></div>', []),
    ],
)
def test_images(html: str, images: list[str]) -> None:
    assert [url.rpartition("/")[2] for url in read(html).image_urls] == images


@pytest.mark.parametrize(
    ("html", "videos"),
    [
        ('<video src="/v.mp4"></video>', ["https://shop.example/v.mp4"]),
        ('<video><source src="//c.example/v.webm" type="video/webm"></video>', ["https://c.example/v.webm"]),
        ('<div data-video-url="/v.mp4?x=1"></div>', ["https://shop.example/v.mp4?x=1"]),
        (
            r'<script>{"url":"https:\/\/c.example\/a\/v.mp4?k=1&t=2","again":"https://c.example/a/v.mp4?k=1&t=2"}</script>',
            ["https://c.example/a/v.mp4?k=1&t=2"],
        ),
        ('<iframe src="https://www.youtube.com/embed/x"></iframe>', []),
        ('<video src="/v.m3u8?k=1"></video>', ["https://shop.example/v.m3u8?k=1"]),
        (
            '<video><source src="/v.mpd"><source src="/v.m3u8"></video><video src="/w.m3u8"></video>',
            ["https://shop.example/v.m3u8", "https://shop.example/w.m3u8"],
        ),
        ('<video><source src="/v.m3u8"><source src="/v.mp4"></video>', ["https://shop.example/v.mp4"]),
        ('<video src="/v.m3u8" data-mp4="/v.mp4"></video>', ["https://shop.example/v.mp4"]),
        ('<div data-video="/v.mpd"></div>', ["https://shop.example/v.mpd"]),
        (
            r'<script>{"dash":"https:\/\/c.example\/a.mpd","hls":"https:\/\/c.example\/a.m3u8?k=1"}</script>',
            ["https://c.example/a.m3u8?k=1"],
        ),
        ('<video src="/v.m3u8"></video><script>"https://c.example/v.mp4"</script>', ["https://c.example/v.mp4"]),
        ('<footer><video src="/ad.mp4"></video></footer>', []),
    ],
)
def test_videos(html: str, videos: list[str]) -> None:
    assert list(read(html).video_urls) == videos


@pytest.mark.parametrize(
    ("html", "sold"),
    [
        ("<p>店铺：镕记</p>", True),
        ("<p>Sold by <b>Bright House</b></p>", True),
        ("<p>Vendido por</p><b>Macrostore</b>", True),
        ("<p>Seller ships within 2 days</p>", False),
        ("<p>Store hours: 9 to 5</p>", False),
        ("<p>Sold by</p><p>- -</p>", False),
    ],
)
def test_a_seller_is_distinguished_from_similar_words(html: str, *, sold: bool) -> None:
    assert (read(html).merchant is not None) == sold


@pytest.mark.parametrize(
    ("html", "brand"),
    [
        ("<table><tr><th>Brand</th><td>Lumo</td></tr><tr><th>Colour</th><td>red</td></tr></table>", "Lumo"),
        ("<table><tr><th>Hersteller</th><td>Lumo</td></tr><tr><th>Farbe</th><td>rot</td></tr></table>", "Lumo"),
        ("<p>Brand: <b>Lumo</b></p>", "Lumo"),
        ('<a class="product-brand" href="/lumo">Lumo</a>', "Lumo"),
        ('<script>dataLayer.push({"products": [{"name": "Lamp", "brand": "Lumo"}]})</script>', "Lumo"),
        ('<a class="byline" href="/lumo">Visit the Lumo Store</a>', "Lumo"),
        ("<p>Our brand is strong</p>", None),
    ],
)
def test_the_brand(html: str, brand: str | None) -> None:
    assert read(html).brand == brand


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<p>$5.00</p><p>SKU: 12-7</p>", ""),
        ("<p>$5.00</p><button>Add to cart</button>", ""),
        ("<p>Just words</p>", "no_product_evidence"),
        ("".join(f"<p>Thing {n} ${n}.00</p>" for n in range(1, 20)), "listing"),
    ],
)
def test_what_makes_a_product_page(html: str, reason: str) -> None:
    verdict = is_product(read(html))

    assert (verdict.reason, bool(verdict)) == (reason, not reason)


def test_a_record_of_a_feed_is_judged_by_its_content() -> None:
    assert is_product(ProductRecord(url=URL, caption="Lamp", price=Decimal(1)))
    assert is_product(ProductRecord(url=URL, price=Decimal(1))).reason == "no_content"
