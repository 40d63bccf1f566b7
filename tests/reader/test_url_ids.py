"""Product ids in URLs."""

import pytest

from reader.url_ids import fallback_id, id_from_url


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("https://item.example/item.htm?id=562283240178&x=1", "562283240178"),
        ("https://a.example/itm/302474151804", "302474151804"),
        ("https://a.example/buy-t-shirt-w712550a.html", "w712550a"),
        ("https://a.example/product/name/140212369", "140212369"),
        ("https://a.example/item/93133869_a-name", "93133869"),
        ("https://a.example/catalogue/2001_19/", "2001_19"),
        ("https://a.example/dp/B00EX4MPL3/ref=sr_1_1", "B00EX4MPL3"),
        ("https://a.example/boots-mu312m00l-c11.html", "mu312m00l-c11"),
        ("https://a.example/regal-p400105394.html", "p400105394"),
        ("https://a.example/catalogue/the-handbook_209/", "209"),
        ("https://a.example/store/122725?pid=260591", "260591"),
        ("https://a.example/products/blue-shirt", None),
        ("https://a.example/", None),
        ("https://a.example/product-4711%3Fcolour=12345", None),
        ("https://a.example/shop/7123-view.php%3Fsize=220", None),
        ("https://a.example/products/cover-of-2025", None),
        ("https://a.example/product/wine-750ml/index.html", None),
        ("https://a.example/courses/bread-16-06-2026/", None),
        ("https://a.example/camera-1080p/", None),
        ("https://a.example/shop/shorts/index659c.html", None),
        ("https://a.example/products/7", "7"),
        ("http://[", None),
    ],
)
def test_id_from_url(url: str, number: str | None) -> None:
    assert id_from_url(url) == number


def test_the_hash_id_is_stable_and_differs_by_url() -> None:
    ids = {fallback_id(f"https://a.example/{name}") for name in ("x", "y", "x")}

    assert len(ids) == 2
    assert all(one.startswith("u") and len(one) == 16 for one in ids)
