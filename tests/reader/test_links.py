"""Links, canonical URL, next page and opt-outs of a page."""

import pytest

from core.urls import absolute, clean_url
from crawler import Link, canonical_url, links, next_link, read_document
from crawler.rights.opt_outs import opt_outs
from reader.links import refresh_target

URL = "https://www.shop.example/c/lamps?page=2"


@pytest.mark.parametrize(
    ("reference", "resolved"),
    [
        ("/a b", "https://s.example/a%20b"),
        ("x#part", "https://s.example/p/x"),
        ("//cdn.example/i.jpg", "https://cdn.example/i.jpg"),
        ("https://u@h.example:8080/x", "https://u@h.example:8080/x"),
        (" ../x\n", "https://s.example/x"),
        ("javascript:void(0)", None),
        ("mailto:a@b.example", None),
        ("data:image/gif;base64,AA", None),
        ("ftp://h.example/x", None),
        ("http://[::1", None),
        ("http://h.example:99999/", None),
        ("", None),
        ("/" + "a" * 5000, None),
    ],
)
def test_absolute_url_or_none(reference: str, resolved: str | None) -> None:
    assert absolute("https://s.example/p/q", reference) == resolved


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("HTTPS://Shop.Example:443/P?id=7&utm_source=x&spm=a.b#top", "https://shop.example/P?id=7"),
        ("http://s.example/p;jsessionid=0A1B2C3D4E5F60718293A4B5C6D7E8F9?b=2&a=1", "http://s.example/p?b=2&a=1"),
        ("http://s.example?PHPSESSID=q1r2s3t4u5v6w7x8y9z0a1b2c3", "http://s.example/"),
        ("http://[", "http://["),
    ],
)
def test_clean_url_drops_tracking_and_session_parameters(url: str, clean: str) -> None:
    assert clean_url(url) == clean


@pytest.mark.parametrize(
    ("head", "canonical"),
    [
        ('<link rel="canonical" href="/p/7?utm_medium=y">', "https://www.shop.example/p/7"),
        ('<link rel="alternate canonical" href="//m.shop.example/p/7">', "https://m.shop.example/p/7"),
        ('<link rel="canonical" href="https://other.example/p/7">', "https://www.shop.example/c/lamps?page=2"),
        ('<link rel="canonical" href="/">', "https://www.shop.example/c/lamps?page=2"),
        ('<meta property="og:url" content="/p/8">', "https://www.shop.example/p/8"),
        ("", "https://www.shop.example/c/lamps?page=2"),
    ],
)
def test_a_canonical_url_must_be_on_the_same_host(head: str, canonical: str) -> None:
    page = f"<html><head>{head}</head><body>x</body></html>"

    assert canonical_url(read_document(page.encode(), URL)) == canonical


def test_each_link_once_in_page_order() -> None:
    page = b"""<base href="/shop/"><a href="p/1"><img src=x></a> <a href="p/1#reviews">Lamp  one</a>
    <a href="/p/2" rel="nofollow">Two</a> <a href="mailto:x@y.example">mail</a> <a>none</a>"""

    assert links(read_document(page, URL)) == (
        Link("https://www.shop.example/shop/p/1", "Lamp one", nofollow=False),
        Link("https://www.shop.example/p/2", "Two", nofollow=True),
    )


@pytest.mark.parametrize(
    ("page", "following"),
    [
        ('<head><link rel="next" href="?page=3"></head><body>', "?page=3"),
        ('<ul class="pagination"><li class="next"><a href="?page=3">older</a></li></ul>', "?page=3"),
        ('<div class="pager">2/9 <a href="?page=3">下一页</a></div>', "?page=3"),
        ('<div class="pages"><a href="?page=1">‹</a><a href="?page=3">»</a></div>', "?page=3"),
        ('<a class="slick-next" href="/p/4">Lamp four</a>', None),
        ('<a rel="next" href="?page=2">stay</a>', None),
        ('<a rel="next" href="https://other.example/3">away</a>', None),
        ("<p>Next</p>", None),
    ],
)
def test_the_next_page_of_a_listing(page: str, following: str | None) -> None:
    wanted = following and f"https://www.shop.example/c/lamps{following}"

    assert next_link(read_document(page.encode(), URL)) == wanted


def test_opt_outs_with_their_place() -> None:
    page = b"""<meta name="robots" content="noai, NOIMAGEAI"><meta name="m5data" content="none">
    <meta name="otherbot" content="noarchive"><meta name="tdm-reservation" content="1"><p>x"""
    headers = [("X-Robots-Tag", "otherbot: nosnippet, nocache"), ("X-Robots-Tag", "m5data: noml")]

    assert opt_outs(read_document(page, URL, headers)) == {
        "noml": "header x-robots-tag",
        "noai": "meta robots",
        "noimageai": "meta robots",
        "noindex": "meta m5data",
        "nofollow": "meta m5data",
        "tdm-reservation": "meta tdm-reservation",
    }


def test_a_page_without_directives_has_no_opt_outs() -> None:
    assert opt_outs(read_document(b"<p>x", URL, {"TDM-Reservation": "0"})) == {}


@pytest.mark.parametrize(
    ("content", "target"),
    [
        ("0; url=/shop", "/shop"),
        ("0;URL='/shop'", "/shop"),
        ('5 , URL = "/shop" x', "/shop"),
        ("0.5 /shop", "/shop"),
        ("30", None),
        ("0; url=", None),
        ("0; url=/c/lamps?page=2", None),
        ("url=/shop", None),
        ("0; url=javascript:go()", None),
    ],
)
def test_page_that_leads_on_by_itself(content: str, target: str | None) -> None:
    expected = f"https://www.shop.example{target}" if target else None
    text = content.replace('"', "&quot;")
    page = read_document(f'<meta HTTP-EQUIV="Refresh" content="{text}">'.encode(), URL)

    assert refresh_target(page) == expected
    assert refresh_target(read_document(b"<html>", URL, {"Refresh": content})) == expected


def test_noscript_refresh_counts_only_on_pages_without_scripts() -> None:
    refresh = '<noscript><meta http-equiv=refresh content="0; url=/plain"></noscript>'

    assert refresh_target(read_document(refresh.encode(), URL)) == "https://www.shop.example/plain"
    assert refresh_target(read_document(f"{refresh}<script>go()</script>".encode(), URL)) is None
