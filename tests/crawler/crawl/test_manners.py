"""robots.txt, opt-outs, Retry-After."""

import json
from datetime import UTC, datetime

import pytest

from crawler.crawl.responses import retry_after_s
from crawler.net.robots import Robots, SiteOptOuts, robots_answer
from crawler.pages.document import read_document
from crawler.pages.optouts import page_opt_out

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
    assert robots_answer(status) == meaning


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


@pytest.mark.parametrize(
    ("head", "headers", "said"),
    [
        ('<meta name="robots" content="index, NoAI">', {}, "meta robots: noai"),
        ('<meta name="m5data" content="noindex">', {}, "meta m5data: noindex"),
        ("", {"X-Robots-Tag": "otherbot: noai"}, None),
        ("", {"X-Robots-Tag": "noimageai"}, "header x-robots-tag: noimageai"),
        ("", {"TDM-Reservation": "1"}, "header tdm-reservation: tdm-reservation"),
        ('<meta name="robots" content="nofollow">', {}, None),
    ],
)
def test_opt_outs_of_a_page(head: str, headers: dict[str, str], said: str | None) -> None:
    document = read_document(f"<html><head>{head}</head><body>x".encode(), "https://shop.example/p", headers)
    assert page_opt_out(document, "m5data", ("noai", "noimageai", "noindex", "tdm-reservation")) == said
    assert page_opt_out(document, "m5data", ()) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), (" 0 ", 0), ("Wed, 01 May 2024 12:00:30 GMT", 30), ("Wed, 01 May 2024 11:00:00 GMT", 0),
     ("soon", None), ("", None), ("-5", None)],
)  # fmt: skip
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, datetime(2024, 5, 1, 12, tzinfo=UTC)) == seconds
