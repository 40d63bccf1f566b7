"""Small synthetic pages from which every model learns in addition to real shops.

Real shops teach the habits of shop software. These pages teach rules that hold on any page, however plain: an amount
that is struck through, labelled "was" or hidden is not the price; words like "sold out" count outside a list of sizes;
the images of a menu are not the product's. Together they count as ten shops.
"""

from collections.abc import Iterator, Mapping
from itertools import product

from reader.learning.labelled import SYNTHETIC_SHOPS, LabelledPage, answer

__all__ = ["lessons"]

_SHOPS = 10

_NAMES = ("Lamp", "Garden chair", "Teekanne blau", "蓝牙耳机", "Чайник")
_PRICES = (
    ("<p>{a}</p>", "en"),
    ("<s>{b}</s> <b>{a}</b>", "en"),
    ('<p class="old-price">{b}</p><p class="price">{a}</p>', "de"),
    ("<p>Free shipping over {c}</p><p>{a}</p>", "en"),
    ("<p>12 x {c} a month</p><p>{a}</p>", "en"),
    ("<p>市场价：{b}</p><p>现价：{a}</p>", "zh-CN"),
    ('<div style="display:none">{c}</div><div>{a}</div>', "en"),
    ('<div>{a}</div><div class="related"><div>{c}</div></div>', "en"),
    ('<div>{a}</div><ul class="recommendations"><li><a href="/p/9">{c}</a></li></ul>', "en"),
    ("<del>{b}</del><ins>{a}</ins>", "fr"),
    ("<p>Was: {b}</p><p>Now: {a}</p>", "en"),
    ("<p>{a}</p><p>You save {c}</p>", "en"),
    ("<p>{d} <span>no Pix</span></p><p>{a}</p><p>6x de {c}</p>", "pt"),
    ("<p>{a}</p><p>{d}</p><p>with code LAMP</p>", "en"),
    ("<p>{b}</p><p>{a}</p><p>{p}% off</p>", "en"),
    ("<p>{a}</p><p>10 x {c}</p>", "es"),
    ('<div style="display:none">{d}</div><p>{a}</p>', "de"),
    ('<p style="display:none">{b}</p><div>{a}</div>', "fr"),
    ("<p>{a}</p><h2>Frequently bought together</h2><p>{b}</p>", "en"),
)
_MONEY = (("${}.00", "USD"), ("€ {}", "EUR"), ("£{}.00", "GBP"), ("{} zł", "PLN"), ("￥{}", "CNY"))
_STOCK = (
    ("<p>In stock (20 available)</p>", "InStock"),
    ("<p>Currently unavailable online</p>", "OutOfStock"),
    ('<p class="out-of-stock">…</p>', "OutOfStock"),
    ("<p>Sold out</p>", "OutOfStock"),
    ("<p>商品已下架</p>", "OutOfStock"),
    ("<button>Add to basket</button><p>Related: sold out</p>", "InStock"),
    ("<ul><li>S</li><li>M sold out</li></ul><button>Buy now</button>", "InStock"),
    ("<button>Add to cart</button>", "InStock"),
)
_THUMBS = '<div class="thumbs"><img src="/1.jpg"><img src="/2.jpg"></div>'
_INDICATORS = (
    '<ol class="carousel-indicators img-thumbnail"><li><img src="/1.jpg" alt="{name}"><li><img src="/2.jpg"></ol>'
)
_CAROUSEL = (
    '<ul><li><img src="/own.jpg" alt="{name} 1"><li><img src="/b.jpg" alt="{name} 2"></ul>'
    '<div class="grid"><div class="image"><img src="/r.jpg" alt="Other"></div></div>'
)
_IMAGES = (
    '<img src="/logo.png"><div class="gallery"><img src="/own.jpg"><img src="/b.jpg"></div>',
    '<div class="photos"><a href="/own.jpg"><img src="/small.jpg"></a></div>',
    '<div class="images"><a href="/p/other"><img src="/other.jpg"></a><img src="/own.jpg"></div>',
    '<p><img src="/own.jpg" width="300"></p><p><img src="/dot.jpg" width="10"></p>',
    '<div class="main-image"><img src="/own.jpg"></div>' + _THUMBS,
    '<div class="slider"><img src="/own.jpg"><img src="/b.jpg"></div>' + _THUMBS,
    '<div class="carousel-inner"><div class="item active"><img src="/own.jpg" alt="{name}"></div></div>' + _INDICATORS,
    '<nav><img src="/menu.jpg"></nav><div><img src="/own.jpg"></div><div class="related"><img src="/r.jpg"></div>',
    _CAROUSEL,
)
_BRANDS = (
    '<a class="product-brand" href="/lumo">Lumo</a>',
    '<a class="byline" href="/lumo">Visit the Lumo Store</a>',
    "<p>Brand: <b>Lumo</b></p>",
    "<table><tr><th>Brand</th><td>Lumo</td></tr><tr><th>Colour</th><td>red</td></tr></table>",
    '<p>by <a href="/brands/lumo">Lumo</a></p>',
)
_CRUMBS = (
    '<p>You are here: <a href="/">Home</a> » <a href="/s">Light</a> » <a href="/s/l">Lamps</a> » {name}</p>',
    '<ul class="breadcrumbs"><li><a href="/">Home</a><li><a href="/s">Light</a><li><a href="/s/l">Lamps</a></ul>',
    '<nav class="breadcrumb"><a href="/">Start</a> / <a href="/s">Light</a> / <a href="/l">Lamps</a> / {name}</nav>',
    '<ol class="breadcrumb"><li><a href="/">Shop</a><li><a href="/s">Light</a><li>Lamps<li>{name}</ol>',
)
_OTHERS = (
    "<h1>About us</h1><p>Since 1990.</p>",
    "<h1>Page not found</h1>",
    "<p>Just words</p>",
    "",
    ":",
    "<h1>Lamp</h1><p>$5.00</p>",
    "<h1>Lamps</h1>" + "".join(f"<p>Thing {n} ${n}.00</p>" for n in range(1, 20)),
    "<h1>Blog</h1><article><h2>How we make lamps</h2><p>With care.</p></article>",
    "<h1>x</h1>" + "<p>Colour: red</p>" * 9,
    "<h1>Lamp</h1><p>$5.00</p>",
    "<h1>Lamp</h1><p>€ 7</p><p>Lamps are fine.</p>",
    "<h1>Lamp</h1>" + "".join(f"<p>Thing {n} ${n}.00</p>" for n in range(1, 20)),
)
_ROWS = (
    "<li><a href='/p/{n}'>Lamp {n}</a> {money}</li>",
    "<li><img src='/{n}.jpg'><h3><a href='/p/{n}'>Lamp {n}</a></h3><p>{money}</p></li>",
    "<li><a href='/p/{n}'><img src='/{n}.jpg'>Lamp {n}</a> <b>{money}</b></li>",
)
"""Items of listings, some of which have only one or two."""


def lessons() -> Iterator[LabelledPage]:
    """Yield the pages with their right answers."""
    for number, (name, (prices, language)) in enumerate(product(_NAMES, _PRICES)):
        money, code = _MONEY[number % len(_MONEY)]
        stock, availability = _STOCK[number % len(_STOCK)]
        image, brand = _IMAGES[number % len(_IMAGES)].format(name=name), _BRANDS[number % len(_BRANDS)]
        crumbs = _CRUMBS[number % len(_CRUMBS)].format(name=name)
        amounts = {"a": 49 + number, "b": 59 + number, "c": 4, "d": 44 + number}
        cut = round(100 - 100 * amounts["a"] / amounts["b"])
        shown = prices.format(p=cut, **{name: money.format(amount) for name, amount in amounts.items()})
        top = (f"<h1>{name}</h1>{image}", f"{image}<h1>{name}</h1>")[number % 2]
        body = f"{crumbs}{top}{brand}{shown}<p>SKU: L-{number}</p>{stock}"
        truth = {"caption": name, "price": 49 + number, "currency": code, "availability": availability, "brand": "Lumo"}
        truth |= {"native_id": f"L-{number}", "category": ("Light", "Lamps"), "image_urls": "https://x.example/own.jpg"}
        yield _page(number, body, name, language, truth)
        yield _page(
            number,
            f"<h1>{name}</h1>{shown}{stock}",
            name,
            language,
            {"price": 49 + number, "currency": code, "caption": name},
        )
        less = {"price": 49 + number, "native_id": f"L-{number}", "availability": "InStock"}
        yield _page(
            number, f"<h1>{name}</h1>{shown}<p>Art. L-{number}</p><p>Size: {number} cm</p>", name, language, less
        )
    for number, body in enumerate(_OTHERS * 5):
        html = f"<html><head><title>Lamp</title></head><body>{body}</body></html>"
        yield LabelledPage(_shop(number), f"https://x.example/p/lamp-{number}", html.encode(), None)
        yield LabelledPage(_shop(number), f"https://x.example/p/{number}", body.encode() or b"<p>", None)
    yield from _listings()
    yield from _marked()


def _listings() -> Iterator[LabelledPage]:
    """Yield listings of few items, with their images beside the links or without."""
    for number, (count, item) in enumerate(product((1, 2, 3, 6), _ROWS)):
        money = _MONEY[number % len(_MONEY)][0]
        rows = "".join(item.format(n=n, money=money.format(n)) for n in range(5, 5 + count))
        for place, top in enumerate(("", "<h1>Lamps</h1>", "<div>Here: <a href='/'>Home</a> &gt; Lamps</div>")):
            html = f"<html><head><title>Lamps</title></head><body>{top}<ul>{rows}</ul></body></html>"
            yield LabelledPage(_shop(number + place), f"https://x.example/c/{number}.html", html.encode(), None)


_LD = """<script type="application/ld+json">{{"@type": "Product", "name": "{name} &amp; shade", "sku": "L{n}",
"gtin13": "4006381333931", "brand": {{"@type": "Brand", "name": "Lumo"}}, "image": "/own.jpg",
"category": "Light > Lamps",
"offers": [{{"@type": "Offer", "price": "{high}", "priceCurrency": "EUR"}},
{{"@type": "Offer", "price": "{low}", "priceCurrency": "EUR"}}]}}</script>"""


_MICRODATA = """<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">{name}</h1>
<span itemprop="brand">Lumo</span><meta itemprop="sku" content="L{n}"><div itemprop="offers" itemscope
itemtype="https://schema.org/Offer"><meta itemprop="priceCurrency" content="EUR"><b itemprop="price">{low}</b></div>
</div>"""


def _marked() -> Iterator[LabelledPage]:
    """Yield pages with markup, which wins over the heading and over distant labels, but not over near ones."""
    for number, name in enumerate(_NAMES):
        script = _LD.format(name=name, n=number, high=20 + number, low=10 + number)
        truth = {"caption": f"{name} & shade", "price": 10 + number, "currency": "EUR", "brand": "Lumo"}
        truth |= {
            "category": ("Light", "Lamps"),
            "native_id": f"L{number}",
            "gtin": "4006381333931",
            "image_urls": "https://x.example/own.jpg",
        }
        far = "<p>x</p>" * 60 + f"<p>Article no.: 903.294.{number}</p>"
        for body, more in (("", {}), (far, {}), (f"<p>Cod produs: 50998{number}</p>", {"native_id": f"50998{number}"})):
            yield _page(number, script + f"<h1>{name}</h1>" + body, name, "de", truth | more)
        made = script.replace(f'"{name} &amp; shade"', f'"New Lumo {name}", "mpn": "D-{number}"')
        truth |= {"caption": f"New Lumo {name}", "mpn": f"D-{number}"}
        for stock in ("", "<button>Add to cart</button>"):
            yield _page(number, f"{made}<h1>New Lumo {name}</h1>{stock}", f"New Lumo {name}", "zh", truth)
        said = {"caption": name, "currency": "EUR", "brand": "Lumo", "native_id": f"L{number}"}
        yield _page(number, _MICRODATA.format(name=name, n=number, low=10 + number), name, "de", said)
        yield from _none_or_other(number, name)
        yield from _titled(number, name)
        yield from _branded(number, name)


_OF_BRAND = (
    (
        '<script>dataLayer.push({{"detail": {{"products": [{{"name": "{name}", "brand": "Lumo"}}]}}}})</script>{h1}',
        "{name}",
    ),
    ('<script>var meta = {{"product": {{"title": "{name}", "vendor": "Lumo", "price": 900}}}};</script>{h1}', "{name}"),
    ("<h3>Lumo</h3>{h1}", "Lumo {name}"),
    (
        '<h1>Lumo {name}</h1><a href="/lumo-1"><img class="brand" src="/logos/lumo.png" alt="Lumo"></a>',
        "Lumo {name} | Bright",
    ),
    ('<a href="/lumo">Lumo</a>{h1}', "{name}"),
    ('{h1}<a href="/lumo">Lumo</a>', "{name} | Bright"),
    ("<h1>Lumo {name}</h1>", "Lumo {name} – Lumo"),
)
"""Bodies that show a brand, each with its title."""
_OF_NO_BRAND = (("{h1}<p>New</p>", "{name} | Bright"), ("<p>Sale</p>{h1}", "{name}"))


def _branded(number: int, name: str) -> Iterator[LabelledPage]:
    """Yield pages that show a brand in a script or next to the heading, and pages with other words there."""
    for several, brand in ((_OF_BRAND, frozenset(("lumo",))), (_OF_NO_BRAND, frozenset[str]())):
        for body, title in several:
            shown = body.format(name=name, h1=f"<h1>{name}</h1>")
            html = f"<html><title>{title.format(name=name)}</title>{shown}<p>€ 5</p><button>Buy now</button></html>"
            yield LabelledPage(_shop(number), f"https://x.example/p/{number}", html.encode(), {"brand": brand})


_BID = """<script type="application/ld+json">{{"@type": "Product", "name": "{name}",
"offers": {{"price": "{first}"}}}}</script>
<meta property="product:price:amount" content="{now}"><meta property="product:brand" content="Lumo"><h1>{name}</h1>
<p class="price">${now}</p><p>{label} ${first}</p>"""
_BIDS = (("Starting price", 150, 200), ("Opening bid", 60, 80), ("Starting bid", 900, 1200), ("Start price", 5, 7))
_FOOTER = '<footer class="gallery"><img src="/a.jpg"></footer><div class="related carousel"><img src="/b.jpg"></div>'


def _none_or_other(number: int, name: str) -> Iterator[LabelledPage]:
    """Yield pages on which the likeliest place misleads or a field is missing."""
    for label, first, now in _BIDS:
        bid = _BID.format(name=name, label=label, first=first, now=now)
        yield _page(number, bid, name, "en", {"price": now, "brand": "Lumo"})
    shared = '<meta property="og:type" content="product"><meta property="product:brand" content="Lumo">'
    bought = f"{shared}<h1>{name}</h1><p>€ 5</p><p>Brand new</p><button>Buy now</button>"
    yield _page(number, bought, name, "fr", {"price": 5, "brand": "Lumo", "availability": "InStock"})
    row = "<h1>{}</h1><p>€ 5</p><table><tr><th>{}</th><td>{}</td></tr></table>"
    digits = (f"978047008{number}238", f"40063813339{number}")
    codes = [row.format(name, label, code) for label in ("UPC", "EAN", "ISBN", "GTIN") for code in digits]
    buy = "<button>Add to basket</button>"
    url = f"https://x.example/catalogue/the-lamp_2{number}9/"
    for body in (*(code + buy for code in codes), codes[0] + '<p class="instock availability">In stock</p>' + buy):
        truth = {"native_id": frozenset((f"2{number}9",)), "price": frozenset(("5.00",))}
        yield LabelledPage(_shop(number), url, body.encode(), truth)
    nothing: frozenset[str] = frozenset()
    yen = "<p class=price>¥ 1200</p>"
    for field, body, language in (
        *(("image_urls", _FOOTER, language) for language in ("en", "en", "de", "fr", "zh")),
        ("image_urls", _FOOTER + buy, "en"),
        *(("currency", yen, language) for language in ("en", "en", "de", "fr", "es", "it") for _ in range(4)),
    ):
        html = f'<html lang="{language}"><title>{name}</title><h1>{name}</h1>{body}<p>SKU: L-{number}</p>{buy}'
        yield LabelledPage(_shop(number), f"https://x.example/p/{number}", html.encode(), {field: nothing})


def _titled(number: int, name: str) -> Iterator[LabelledPage]:
    """Yield pages whose title ends in the shop name and whose URL has no words."""
    longer = f"【Official】 {name}&Co 1800W red HD-{number}"
    for shop, heading in product(
        (" - 北岸商城", " | Bright Shop", " – Bright"), ("<h1>{}</h1>", '<h1 class="name">{}</h1>')
    ):
        for called in (name, longer):
            body = f"<main>{heading.format(called)}<p>€ 5</p><button>Buy now</button></main>"
            html = f"<html><title>{called}{shop}</title><body>{body}<h2>商品参数</h2></body></html>"
            truth = {"caption": frozenset((answer("caption", called),))}
            yield LabelledPage(_shop(number), f"https://x.example/p/N{number}0046.html", html.encode(), truth)


def _shop(number: int) -> str:
    return f"{SYNTHETIC_SHOPS} {number % _SHOPS}"


def _page(number: int, body: str, name: str, language: str, truth: Mapping[str, object]) -> LabelledPage:
    html = f'<html lang="{language}"><head><title>{name}</title></head><body>{body}</body></html>'
    right = {field: frozenset((answer(field, value),)) for field, value in truth.items()}
    return LabelledPage(
        _shop(number), f"https://x.example/p/{name.lower().replace(' ', '-')}-{number}", html.encode(), right
    )
