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


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        ("https://shop.example/p/1", True),
        ("https://shop.example/list?page=2", True),
        ("https://shop.example/list?page=2&sort=price", False),
        ("https://shop.example/p/1?add-to-cart=4", False),
        ("https://shop.example/img/1.JPG", False),
        ("https://other.example/p/1", False),
    ],
)
def test_only_pages_of_the_shop_are_followed(url: str, followed: bool) -> None:  # noqa: FBT001
    assert Scope(["https://shop.example/"]).follows(url) is followed


def test_patterns_of_the_settings_replace_the_general_rule() -> None:
    scope = Scope(["https://shop.example/"], [r"/p/\d+", r"sort="])
    wanted = ("https://shop.example/p/1", "https://shop.example/l?sort=1", "https://shop.example/about")
    assert [scope.follows(url) for url in wanted] == [True, True, False]


def test_refused_links_have_their_reason() -> None:
    home = "https://shop.example"
    scope = Scope([home], follow=["/shop/"], product_urls=["/p/"])
    paths = ("/q/1", "/shop/1", "/p/1", "/q/1.jpg", "/cart/", "/q/?sort=price", "/shop/login")
    assert [scope.refusal(home + path) for path in paths] == [
        "not_followed", None, None, None, "action_page", None, None
    ]  # fmt: skip
    assert scope.refusal("https://other.example/q/1") is None
    assert [Scope([home]).refusal(home + path) for path in ("/q/1", "/de/Login.php")] == [None, "action_page"]
