"""robots.txt, ai.txt and tdmrep.json, their path patterns, and opt-outs in headers."""

import json

import pytest

from crawler.net.robots import Robots, SiteOptOuts, best_matches, honoured_opt_out, matches, robots_meaning, target_of
from crawler.rights.opt_outs import page_opt_out
from reader.document import read_document

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


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("/", "/x", "yes"), ("/fish", "/fish.html", "yes"), ("/fish", "/Fish", "no"), ("/fish*", "/fishheads/y", "yes"),
        ("/fish/", "/fish", "no"), ("/*.php", "/folder/a.php?x", "yes"), ("/*.php$", "/a.php?x", "no"),
        ("/*.php$", "/a.php", "yes"), ("/fish*.php", "/fishheads/catfish.php?x", "yes"), ("/a*b*c$", "/abcbc", "yes"),
        ("/a*b$", "/ab", "yes"), ("/ab*b$", "/ab", "no"), ("/caf%C3%A9", "/café", "yes"), ("/a%2fb", "/a/b", "no"),
        ("/a%7eb", "/a~b", "yes"), ("/$", "/", "yes"), ("/$", "/x", "no"), ("", "/x", "yes"),
    ],
)  # fmt: skip
def test_patterns_of_rfc_9309(pattern: str, path: str, found: str) -> None:
    assert matches(pattern, target_of("https://shop.example" + path)) is (found == "yes")


def test_many_wildcards_take_no_time() -> None:
    assert not matches("/" + "*a" * 2_000 + "$", "/" + "a" * 1_999 + "b")


def test_the_longest_pattern_counts_and_equal_ones_together() -> None:
    rules = [("", "all"), ("/a", "1"), ("/a", "2"), ("/a/b", "3")]
    assert best_matches(rules, "/a/c") == ["1", "2"]
    assert (best_matches(rules, "/x"), best_matches([], "/x")) == (["all"], [])
    assert target_of("https://shop.example") == "/"


HONOURED = ("noai", "noimageai", "noindex", "tdm-reservation")


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
    assert page_opt_out(document, "m5data", HONOURED) == said
    assert page_opt_out(document, "m5data", ()) is None


@pytest.mark.parametrize(
    ("tag", "reservation", "said"),
    [
        ("", "", None),
        ("nofollow", "0", None),
        ("noindex, nofollow", "", "header x-robots-tag: noindex"),
        ("none", "", "header x-robots-tag: noindex"),
        ("nofollow, NoAI", "", "header x-robots-tag: noai"),
        ("otherbot: noimageai", "", None),
        ("otherbot: noai, m5data: noimageai", "", "header x-robots-tag: noimageai"),
        ("max-snippet: 5, noai", "", "header x-robots-tag: noai"),
        ("noml", "", None),
        ("", " 1", "header tdm-reservation: tdm-reservation"),
    ],
)
def test_headers_opt_a_page_and_a_file_out_alike(tag: str, reservation: str, said: str | None) -> None:
    headers = {"X-Robots-Tag": tag, "TDM-Reservation": reservation}
    document = read_document(b"<html><body>x", "https://shop.example/p", headers)
    assert page_opt_out(document, "m5data", HONOURED) == said
    assert honoured_opt_out([tag], reservation, "m5data", frozenset(HONOURED)) == said
    assert honoured_opt_out([tag], reservation, "m5data", frozenset()) is None


def test_repeated_headers_all_count() -> None:
    assert honoured_opt_out(["nofollow", "noai"], "", "m5data", frozenset(HONOURED)) == "header x-robots-tag: noai"
