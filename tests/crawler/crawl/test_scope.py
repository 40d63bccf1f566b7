import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.urls import normalise
from crawler.crawl.scope import Scope, rehost, web_host


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("HTTP://Shop.Example:80/a?b=1#top", "http://shop.example/a?b=1"),
        ("https://shop.example", "https://shop.example/"),
        (
            "https://shop.example/a;jsessionid=0A1B2C3D4E5F60718293A4B5C6D7E8F9?utm_source=x&id=2",
            "https://shop.example/a?id=2",
        ),
        ("https://shop.example/商品/1", "https://shop.example/%E5%95%86%E5%93%81/1"),
        ("mailto:a@shop.example", None),
        ("javascript:void(0)", None),
        ("https://shop.example/" + "a" * 3000, None),
        ("http://[::1", None),
    ],
)
def test_normalise(url: str, wanted: str | None) -> None:
    assert normalise(url) == wanted


def test_links_are_resolved_and_queries_use_the_encoding_of_the_page() -> None:
    assert normalise("../b?q=蓝", "https://shop.example/x/y", "gb18030") == "https://shop.example/b?q=%C0%B6"


@given(st.text(max_size=60))
def test_normalise_is_idempotent(text: str) -> None:
    once = normalise(text, "https://shop.example/x/")
    assert once is None or normalise(once) == once


def test_both_schemes_of_a_host_are_one_shop() -> None:
    hosts = [web_host(u) for u in ("http://a.example/", "https://a.example/x", "http://a.example:8080/")]
    assert hosts == ["a.example", "a.example", "a.example:8080"]


def test_rehost_keeps_path_and_query() -> None:
    assert (
        rehost("http://example.com/p?x=1#y", "https://shop.example:8443/sitemap.xml")
        == "https://shop.example:8443/p?x=1"
    )


REFUSALS = {
    "https://shop.example/p/1": None,
    "https://shop.example/list?page=2": None,
    "https://shop.example/list?page=2&sort=price": ("same_items", "sort shows the same items in another way"),
    "https://shop.example/p/1?add-to-cart=4": ("action", "add-to-cart performs an action"),
    "https://shop.example/my-account/": ("action", "/my-account/ performs an action"),
    "https://shop.example/img/1.JPG": ("file", ".jpg is no page"),
    "https://other.example/p/1": ("other_host", "the source has no start URL there"),
}


@pytest.mark.parametrize("url", REFUSALS)
def test_only_pages_of_the_shop_are_followed(url: str) -> None:
    assert Scope(["https://shop.example/"]).refusal(url) == REFUSALS[url]


def test_patterns_of_the_settings_replace_the_general_rule() -> None:
    scope = Scope(["https://shop.example/"], [r"/p/\d+", r"sort="], ["/q/"])
    paths = ("/p/1", "/p/1.jpg", "/l?sort=1", "/q/7", "/about", "/cart/", "/b.jpg")
    reasons = [(scope.refusal("https://shop.example" + path) or ("",))[0] for path in paths]
    assert reasons == ["", "", "", "", "not_followed", "action", "file"]
