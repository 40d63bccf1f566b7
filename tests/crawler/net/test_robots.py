"""robots.txt, ai.txt and tdmrep.json."""

import json

import pytest

from crawler.net.robots import Robots, SiteOptOuts, robots_meaning

ROBOTS = """
User-agent: *
Disallow: /

User-agent: m5data
Disallow: /private
Allow: /private/open
Crawl-delay: 2
Request-rate: 1/5
Sitemap: https://shop.example/map.xml
"""


def test_the_rules_of_the_own_name_win_and_the_longest_match_decides() -> None:
    robots = Robots(ROBOTS, "m5data")
    asked = ("/", "/private/x", "/private/open/x", "/robots.txt")
    assert [robots.allows("https://shop.example" + path) for path in asked] == [True, False, True, True]
    assert not Robots(ROBOTS, "otherbot").allows("https://shop.example/")


def test_the_slower_of_crawl_delay_and_request_rate_counts() -> None:
    assert Robots(ROBOTS, "m5data").delay_s == 5
    assert Robots("User-agent: *\nCrawl-delay: 3", "m5data").delay_s == 3
    assert Robots("", "m5data").delay_s == 0
    assert Robots(ROBOTS, "m5data").sitemaps == ("https://shop.example/map.xml",)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(200, "rules"), (404, "free"), (403, "free"), (301, "free"), (500, "unreachable"),
     (503, "unreachable"), (429, "unreachable"), (0, "unreachable")],
)  # fmt: skip
def test_what_the_status_of_robots_means(status: int, meaning: str) -> None:
    assert robots_meaning(status) == meaning


def test_reservations_of_a_site() -> None:
    rules = (("/a/*.html$", 1), ("/b", 0), ("/", 1))
    tdm = json.dumps([{"location": location, "tdm-reservation": reserved} for location, reserved in rules])
    site = SiteOptOuts.read(tdm, "User-Agent: *\nDisallow: /b/secret", "m5data")
    asked = ("/a/x.html", "/b/x", "/b/secret", "/c", "")
    assert [site.refusal("https://shop.example" + path) for path in asked] == [
        "tdmrep.json: tdm-reservation", None, "ai.txt: Disallow", "tdmrep.json: tdm-reservation",
        "tdmrep.json: tdm-reservation",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "{}", "[1, {}]", "nonsense", "[" * 100_000])
def test_an_unreadable_reservation_says_nothing(text: str) -> None:
    assert SiteOptOuts.read(text, "", "m5data").refusal("https://shop.example/x") is None
