"""The referrer of a request for media, against the examples of Referrer Policy, 3.7."""

import pytest

from crawler.net.referrer import referrer

PAGE = "https://shop.example/product/lamp?visitor=7#top"


@pytest.mark.parametrize(
    ("page", "url", "expected"),
    [
        (PAGE, "https://shop.example/a.jpg", "https://shop.example/product/lamp"),
        (PAGE, "https://SHOP.example:443/a.jpg", "https://shop.example/product/lamp"),
        (PAGE, "https://images.example/a.jpg", "https://shop.example/"),
        (PAGE, "https://shop.example:8443/a.jpg", "https://shop.example/"),
        (PAGE, "http://shop.example/a.jpg", None),
        ("http://shop.example/p", "https://shop.example/a.jpg", "http://shop.example/"),
        ("https://user:word@shop.example/p", "https://shop.example/a.jpg", "https://shop.example/p"),
        ("https://shop.example", "https://shop.example/a.jpg", "https://shop.example/"),
        ("https://shop.example/" + "p" * 5000, "https://shop.example/a.jpg", "https://shop.example/"),
        ("file:///home/page.html", "https://shop.example/a.jpg", None),
        ("", "https://shop.example/a.jpg", None),
    ],
)
def test_referrer_is_that_of_a_browser(page: str, url: str, expected: str | None) -> None:
    assert referrer(page, url) == expected
