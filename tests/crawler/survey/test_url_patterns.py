"""Shapes of URLs, and patterns that set products apart."""

import re

import pytest

from crawler.survey.url_patterns import family_of, group_by_shape, product_patterns, shape_of

HOME = "https://shop.example"
ANY = "//[^/]+/(?:[^?#]*/)?"


def at_home(*paths: str) -> list[str]:
    return [HOME + path for path in paths]


@pytest.mark.parametrize(
    ("products", "others", "pattern", "same"),
    [
        (("/product/pot", "/product/pan", "/de/product/lid"), ("/", "/blog/pots"), ANY + "product/[^/?#]",
         "/a/product/b/c"),
        (("/cups/a/x-12.html", "/pots/y-7.html", "/new/z-5.html"), ("/about.html",), None, "/cups/deep/er/t-99.html"),
        (("/12-pot.html", "/7-pan.html", "/9-lid.html"), ("/about.html",), None, "/8-cup.html"),
        (("/i.php?id=5", "/i.php?id=6", "/i.php?id=7"), ("/i.php?page=2",), None, "/i.php?id=9&lang=en"),
        (("/shop/a_1/", "/shop/b_2/", "/shop/c_3/"), ("/shop/", "/shop/rooms/hall_1/"), None, "/shop/d_4/"),
    ],
)  # fmt: skip
def test_pattern_is_what_sets_products_apart(
    products: tuple[str, ...], others: tuple[str, ...], pattern: str | None, same: str
) -> None:
    right, wrong = at_home(*products), at_home(*others)
    (found,) = product_patterns(right, wrong, [*right, *wrong])
    assert pattern in (None, found)
    assert all(re.search(found, url) for url in (*right, HOME + same))
    assert not any(re.search(found, url) for url in wrong)


def test_folders_together_cover_products_of_two_kinds() -> None:
    products = at_home("/vinyl/a", "/vinyl/b", "/tapes/c", "/tapes/d")
    assert product_patterns(products, at_home("/", "/news/x"), products) == (
        ANY + "tapes/[^/?#]", ANY + "vinyl/[^/?#]",
    )  # fmt: skip


@pytest.mark.parametrize(
    "products", [("/kettle", "/pan", "/lid"), ("/p/kettle",), ("/shop/a/b", "/shop/b", "/c"), ("/shop/x/kettle",) * 3]
)
def test_products_without_a_mark_of_their_own_have_no_pattern(products: tuple[str, ...]) -> None:
    others = at_home("/about", "/shop/x/pans")
    assert product_patterns(at_home(*products), others, others) == ()


def test_urls_are_grouped_by_their_form_the_largest_group_first() -> None:
    urls = at_home("/p/a-b_1", "/about", "/p/c_2", "/p/3")
    assert group_by_shape(urls) == [[urls[0], urls[2]], [urls[1]], [urls[3]]]
    assert shape_of(HOME + "/de/p/pot_2?size=3") == ("de", "p", "a_0", "?size")
    assert family_of(urls[0]) == family_of(urls[3]) != family_of(urls[0] + "/reviews")
