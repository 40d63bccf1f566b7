"""Mutations of pages: bytes removed, repeated, moved and replaced, and pieces that attack parsers."""

import random
from collections.abc import Sequence

__all__ = ["ATTACKS", "SHAPES", "hostile_shape", "mutate", "url_of_shape"]

ATTACKS: tuple[bytes, ...] = (
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"<!--", b"-->", b"<![CDATA[", b"&#xD800;", b"&amp;" * 50, b"&#1114112;",
    b'<script type="application/ld+json">', b"</script>", b'{"@type":"Product","name":"', b'"\\ud83d"', b'"\\u0000"',
    b"1e400", b"-1e-400", b"NaN", b"9" * 400, b"[" * 200, b"{" * 200, b'{"a":' * 200, b"<div>" * 100, b"</div>" * 100,
    b"<table><tr><td>" * 50, b' a="' * 50, b"<a " * 50, b"\\" * 100, b"'" * 50, b'"' * 50, b" " * 500, b"\n" * 500,
    b"https://[::1", b"http://a:99999/", b"//" * 100, b"data:image/png;base64," + b"A" * 400, b".,.,.,.,1.,.,",
    b"1 000 " * 100, b"\xe2\x80\xae", b"\xe3\x80\x80" * 100, b"<base href='http://['>", b"<h1>", b"<meta " * 50,
    b'<link rel=canonical href="javascript:1">', b"price:" * 100, b"SKU:" * 100, b"\xd9\xa3" * 100,
    b"<svg><style><![CDATA[</style>",
)  # fmt: skip
"""Pieces to insert into pages."""


def mutate(page: bytes, pages: Sequence[bytes], chance: random.Random) -> bytes:
    """Return a page with one to six changes, of at most 2 MB."""
    for _ in range(chance.randint(1, 6)):
        start, end = sorted(chance.randrange(len(page) + 1) for _ in range(2))
        end = min(end, start + 20_000)
        piece = page[start:end]
        to = chance.randrange(len(page) + 1)
        change = chance.randrange(7)
        if change == 0:
            page = page[:start] + page[end:]
        elif change == 1:
            page = page[:to] + piece + page[to:]
        elif change == 2:
            page = page[:start] + chance.choice(ATTACKS) + page[start:]
        elif change == 3:
            page = page[:start] + piece * chance.choice((2, 10, 50)) + page[end:]
        elif change == 4:
            other = chance.choice(pages)
            at = chance.randrange(len(other) + 1)
            page = page[:to] + other[at : at + 20_000] + page[to:]
        elif change == 5:
            places = (chance.randrange(len(page)) for _ in range(20)) if page else ()
            changed = bytearray(page)
            for place in places:
                changed[place] = chance.randrange(256)
            page = bytes(changed)
        else:
            page = page[:start] + chance.choice(ATTACKS) * chance.choice((1, 20, 200)) + page[start:]
        page = page[:2_000_000]
    return page


_HEAD = b"<html><head><title>Kettle</title></head><body><h1>Kettle</h1>"
_LD = b'<script type="application/ld+json">'
_SHAPES: dict[str, tuple[bytes, bytes, bytes]] = {
    "comments in a JSON-LD name": (_LD + b'{"@type":"Product","name":"', b"<!--", b'"}</script>'),
    "tags in a JSON-LD name": (_LD + b'{"@type":"Product","name":"', b"<a", b'"}</script>'),
    "brackets in a JSON-LD name": (_LD + b'{"@type":"Product","name":"', b"<p ", b'>"}</script>'),
    "entities in a JSON-LD name": (_LD + b'{"@type":"Product","name":"', b"&amp;", b'"}</script>'),
    "space in JSON-LD": (_LD, b" ", b"</script>"),
    "comment signs in JSON-LD": (_LD, b"/*", b"</script>"),
    "semicolons in JSON-LD": (_LD, b"; ", b"x</script>"),
    "commas in JSON-LD": (_LD + b'{"a":[1', b", ", b"]}</script>"),
    "brackets in JSON-LD": (_LD, b"[", b"</script>"),
    "objects in JSON-LD": (_LD, b'{"a":', b"</script>"),
    "products in JSON-LD": (_LD + b"[0", b',{"@type":"Product","name":"a"}', b"]</script>"),
    "escaped quotes in a script": (b"<script>x = {price: 1}", b'\\"a', b"</script>"),
    "comment signs in a script": (b"<script>x = {price: 1}", b"// ", b"</script>"),
    "scripts": (b"", _LD + b"{}</script>", b""),
    "meta letters": (b"<meta ", b"a", b">"),
    "meta elements": (b"", b"<meta name=a content=b>", b""),
    "attributes": (b"<p ", b"a ", b">"),
    "images of different classes": (b"<div class=gallery>", b"", b"</div>"),
    "different attributes": (b"<p ", b"", b">"),
    "classes": (b'<p class="', b"price ", b'">5 EUR</p>'),
    "open elements": (b"", b"<i>", b""),
    "closed elements": (b"", b"</i>", b""),
    "digits": (b"<p>", b"1", b"</p>"),
    "digits and points": (b"<p>EUR ", b"1.", b"</p>"),
    "digits and spaces": (b"<p>EUR ", b"1 ", b"</p>"),
    "colons": (b"<p>", b"a:", b"</p>"),
    "telephone numbers": (b"<table><tr><td>Note</td><td>", b"+1 2-", b"</td></tr></table>"),
    "mail signs": (b"<table><tr><td>Note</td><td>", b"a.b@", b"</td></tr></table>"),
    "Chinese streets": (b"<table><tr><td>Note</td><td>", "市路".encode(), b"</td></tr></table>"),
    "rows": (b"<table>", b"<tr><td>a</td><td>b</td></tr>", b"</table>"),
    "list items": (b"<ul>", b"<li>Colour: red</li>", b"</ul>"),
    "prices": (b"", b"<span class=price>5 EUR</span>", b""),
    "links": (b"", b"<a href=/p/1>x</a>", b""),
    "images": (b"<div class=gallery>", b"<img src=/i/a.jpg alt=Kettle>", b"</div>"),
    "path of an image": (b'<div class=gallery><img src="/', b"a/", b'b.jpg">'),
    "size marks of an image": (b'<div class=gallery><img src="/a', b"_100x100", b'.jpg">'),
    "video endings in a script": (b'<script>"//a.b/', b".mp4", b'"</script>'),
    "nested breadcrumbs": (b"", b"<div class=breadcrumb><a href=/c>c</a>", b""),
    "breadcrumbs side by side": (b"", b"<div class=breadcrumb><a href=/c>c</a></div>", b""),
    "breadcrumbs without words": (b"<nav class=breadcrumb>", b"<i class=crumb></i>", b"</nav>"),
    "links home": (b"<p>", b"<a href=/>Home</a>", b"</p>"),
    "rows that begin at home": (b"", b"<p><a href=/>Home</a> &gt; ", b""),
    "list in a breadcrumb": (b"<ul class=breadcrumb>", b"<li><a href=/c>c</a>", b"</ul>"),
    "nested list in a breadcrumb": (b"<ul class=breadcrumb>", b"<li><a href=/c>c</a><ul>", b"</ul>"),
    "selects in nested forms": (b"<form><div></form>" * 20, b"<i>x</i>", b"<select name=size></select>"),
    "lines in open headings": (b"<h2><b>Colour:</b> red<br>" * 300, b"<i>x</i> ", b""),
    "definition lists": (b"", b"<dl><dt>a</dt><dd>b</dd></dl>", b""),
    "nested definition lists": (b"<dl><dt>a</dt><dd>" * 60, b"<i>x</i> ", b""),
    "videos by attribute": (b"", b"<p data-video=a.mp4 data-mp4=b.mp4></p>", b""),
    "rows of item.jd.com": (b"<div class=Ptable>" * 200, b"<dl><dt>a</dt><dd>b</dd></dl>", b""),
    "breadcrumbs of item.jd.com": (b"<div id=crumb-wrap><div class='crumb '>" * 90, b"<div><a>x</a></div>", b""),
    "prices of item.taobao.com": (b"<div id=J_StrPrice>" * 200, b"<i class=tb-rmb-num></i>", b""),
    "prices of detail.tmall.com": (b"<div id=J_StrPriceModBox>" * 200, b"<i class=tm-price></i>", b""),
    "images of detail.tmall.com": (b"<ul id=J_UlThumb>" * 200, b"<img src=a>", b""),
    "breadcrumbs": (b"<nav class=breadcrumb>", b"<a href=/c>c</a> &gt; ", b"</nav>"),
}


def hostile_shape(name: str, size: int) -> bytes:
    """Return a page with one part repeated up to about ``size`` bytes."""
    start, part, end = _SHAPES[name]
    one = b"<img src=/%d.jpg class=c%d>" if b"gallery" in start else b"a%d "
    middle = part * (size // len(part)) if part else b"".join(one.replace(b"%d", b"%d" % n) for n in range(size // 20))
    return _HEAD + start + middle + end


def url_of_shape(name: str) -> str:
    """Return the URL for reading a page: of a site with its own page object if the shape names one."""
    host = name.rpartition(" of ")[2]
    return f"https://{host}/item.htm?id=1" if host.endswith(".com") else "https://shop.example/p/1"


SHAPES = tuple(_SHAPES)
