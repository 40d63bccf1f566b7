import re

import pytest

from crawler.survey.url_patterns import family_of, group_by_shape, listing_patterns, path_pattern, shape_of

HOME = "https://shop.example"


@pytest.mark.parametrize(
    ("examples", "pattern", "same", "other"),
    [
        (["/en/p/tea-pot_12/", "/en/p/1984_3/"], r"//[^/]+/en/p/[^/?]*_\d+/$", "/en/p/x_1/", "/en/p/x_1/reviews/"),
        (["/p/12", "/p/13"], r"//[^/]+/p/\d+$", "/p/99", "/p/new"),
        (["/12-pot.html", "/7-pan.html"], r"//[^/]+/\d+-[^/?]+\.html$", "/8-lid.html", "/about.html"),
        (["/shop/pot", "/shop/pan-2"], r"//[^/]+/shop/[^/?]+$", "/shop/lid", "/shop/lid?size=m"),
        (["/i.php?id=5&view=item", "/i.php?id=6&view=item"], r"//[^/]+/i\.php\?id=[^&]+&view=item$",
         "/i.php?id=9&view=item", "/i.php?id=9&view=list"),
    ],
)  # fmt: skip
def test_a_pattern_holds_what_examples_share(examples: list[str], pattern: str, same: str, other: str) -> None:
    assert path_pattern([HOME + one for one in examples]) == pattern
    assert [bool(re.search(pattern, HOME + one)) for one in (*examples, same, other)] == [True, True, True, False]


def test_urls_are_grouped_by_their_form_the_largest_group_first() -> None:
    urls = [HOME + path for path in ("/p/a-b_1", "/about", "/p/c_2", "/p/3")]
    assert group_by_shape(urls) == [[urls[0], urls[2]], [urls[1]], [urls[3]]]
    assert shape_of(HOME + "/de/p/pot_2?size=3") == ("de", "p", "a_0", "?size")
    assert family_of(urls[0]) == family_of(urls[3]) != family_of(urls[0] + "/reviews")


def test_listings_are_bounded_by_the_outermost_folder_without_products() -> None:
    known = [HOME + path for path in ("/en/shop/pot_1/", "/en/shop/rooms/kitchen/", "/en/shop/rooms/kitchen/hobs/")]
    listings = [HOME + "/en/shop/", HOME + "/en/shop/rooms/kitchen/hobs/"]
    patterns = listing_patterns(listings, re.compile(r"_\d+/$"), known, {"page"})
    assert patterns == (r"//[^/]+/en/shop/(\?page=\d+)?$", r"//[^/]+/en/shop/rooms/[^?]*(\?page=\d+)?$")
    paths = ("/en/shop/?page=2", "/en/shop/rooms/hall/?page=3", "/en/shop/rooms/hall/?colour=red", "/en/blog/")
    assert [any(re.search(one, HOME + path) for one in patterns) for path in paths] == [True, True, False, False]
