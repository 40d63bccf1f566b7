"""robots.txt, ai.txt and tdmrep.json, their path patterns, and opt-outs in headers."""

import json

import pytest

from crawler.net.robots import (
    Robots,
    SiteOptOuts,
    best_matches,
    honoured_opt_out,
    matches,
    read_group,
    robots_meaning,
    target_of,
)
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
    ("value", "delay"), [("2,5", 2.5), ("10s", 10), ("10 seconds", 10), (".5", 0.5), ("-1", 0), ("soon", 0), ("1/2", 0)]
)
def test_delay_is_read_in_the_forms_that_people_write(value: str, delay: float) -> None:
    assert Robots(f"User-agent: *\nCrawl-delay: {value}", "m5data").delay_s == delay


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(200, "rules"), (404, "free"), (403, "free"), (301, "unreachable"), (500, "unreachable"),
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


@pytest.mark.parametrize(
    ("tdmrep", "ai", "said"),
    [
        ("", "", None),
        ("{}", "", None),
        ("[]", "", None),
        ("<!doctype html><title>Not found</title>", "<html>no such page", None),
        ('{"location": "/", "tdm-reservation": "1"}', "", "tdmrep.json: tdm-reservation"),
        ('\ufeff[{"location": "/*", "tdm-reservation": true}]', "", "tdmrep.json: tdm-reservation"),
        ('[{"location": "https://shop.example/", "tdm-reservation": 1}]', "", "tdmrep.json: tdm-reservation"),
        ('[{"Location": " /x ", "TDM_Reservation": "yes"}]', "", "tdmrep.json: tdm-reservation"),
        ('[{"location": "https://shop.example/y", "tdm-reservation": 1}]', "", None),
        ('[{"location": "/", "tdm-policy": "https://shop.example/policy.json"}]', "", None),
        ("", "\ufeffUser-agent: *\nDisallow: /", "ai.txt: Disallow"),
        ("", "User-agent: m5data/2\rDisallow: /", "ai.txt: Disallow"),
    ],
)
def test_file_of_a_site_reserves_what_it_says(tdmrep: str, ai: str, said: str | None) -> None:
    assert SiteOptOuts.read(tdmrep, ai, "m5data").refusal("https://shop.example/x") == said


@pytest.mark.parametrize(
    ("tdmrep", "ai", "file"),
    [
        *(
            ("[1, {}]", "", "tdmrep.json"),
            ('{"rules": [{}]}', "", "tdmrep.json"),
            ("nonsense", "", "tdmrep.json"),
            ("[" * 100_000, "", "tdmrep.json"),
        ),
        *(('[{"tdm-reservation": 1}]', "", "tdmrep.json"), ("", "\0\x01\x02", "ai.txt")),
    ],
)
def test_file_of_a_site_that_cannot_be_read_refuses_all(tdmrep: str, ai: str, file: str) -> None:
    said = SiteOptOuts.read(tdmrep, ai, "m5data").refusal("https://shop.example/x") or ""

    assert said.startswith(f"{file}: ")
    assert "ask the shop's owner" in said


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("\ufeffUser-agent: *\nDisallow: /", "m5data"),
        ("User-agent: *\rDisallow: /", "m5data"),
        ("User-agent: *\nAllow: /\n\nUser-agent: m5data/1.0\nDisallow: /", "m5data"),
        ("User-agent: M5Data (+https://a.example)\nDisallow: /", "m5data"),
        ("User-agent: other, m5data\nDisallow: /", "m5data"),
        ("User-agent: m5data\nDisallow: /", "m5data/0.1 (+https://a.example)"),
        ("User-agent: m5data\nCrawl-delay: 1\nSitemap: /s.xml\nUser-agent: other\nDisallow: /", "m5data"),
        ("User-agent: m5data\nAllow: /a\n\nUser-agent: other\nAllow: /\n\nUser-agent: m5data\nDisallow: /", "m5data"),
        ("user agent: *\ndissallow: /", "m5data"),
        ("User-agent *\nDisallow /", "m5data"),
        ("User-agent: * # all\nDisallow: / # everything", "m5data"),
        ("User-agent: *\nDisallow: p/", "m5data"),
        ("<html><body><pre>User-agent: *\nDisallow: /</pre>", "m5data"),
        ("User-agent: *\nDisallow: /%70/\nAllow: /$", "m5data"),
        ("User-agent: *\nDisallow: https://shop.example/p/", "m5data"),
        ("User-agent: *\nDisallow: '/p/'", "m5data"),
        ("User-agent: *\nDisallow: /q/ /p/", "m5data"),
        ("User-agent: *\nDisallow: /q/ Disallow: /p/", "m5data"),
    ],
)
def test_refusal_is_found_in_odd_spellings(text: str, agent: str) -> None:
    assert not Robots(text, agent).allows("https://shop.example/p/1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "User-agent: m5data-other\nDisallow: /",
        "User-agent: m5\nDisallow: /",
        "User-agent: *\nDisallow: /\n\nUser-agent: m5data\nAllow: /",
        "User-agent: *\nDisallow: /\n\nUser-agent: m5data\nDisallow:",
        "User-agent: *\nDisallow: /p\nAllow: /p",
        "Disallow: /",
        "<html><body>Page not found",
    ],
)
def test_what_is_not_refused_is_allowed(text: str) -> None:
    assert Robots(text, "m5data").allows("https://shop.example/p/1")


def test_one_group_decides_on_paths_and_on_usage() -> None:
    text = (
        "User-agent: *\nContent-Signal: ai-train=yes\nAllow: /\n\nUser-agent: M5DATA/1.0\nContent-Signal: ai-train=no\n"
    )

    assert read_group(text, "m5data").own == (("content-signal", "ai-train=no"),)


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("/", "/x", "yes"), ("/fish", "/fish.html", "yes"), ("/fish", "/Fish", "no"), ("/fish*", "/fishheads/y", "yes"),
        ("/fish/", "/fish", "no"), ("/*.php", "/folder/a.php?x", "yes"), ("/*.php$", "/a.php?x", "no"),
        ("/*.php$", "/a.php", "yes"), ("/fish*.php", "/fishheads/catfish.php?x", "yes"), ("/a*b*c$", "/abcbc", "yes"),
        ("/a*b$", "/ab", "yes"), ("/ab*b$", "/ab", "no"), ("/caf%C3%A9", "/café", "yes"), ("/a%2fb", "/a/b", "no"),
        ("/a%7eb", "/a~b", "yes"), ("/$", "/", "yes"), ("/$", "/x", "no"), ("", "/x", "yes"),
        ("/a%2A", "/a*b", "yes"), ("/a%2A", "/ab", "no"), ("/a$b", "/a$b", "yes"), ("/a%24", "/a$b", "yes"),
        ("/*?x[y]=", "/p?x%5By%5D=1", "yes"), ("/%c3%a9", "/é", "yes"),
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
        ('<meta name="robots" content="index; follow noai">', {}, "meta robots: noai"),
        ('<meta http-equiv="X-Robots-Tag" content="m5data: noai">', {}, "meta x-robots-tag: noai"),
        ('<meta http-equiv="X-Robots-Tag" content="otherbot: noai">', {}, None),
        ('<meta http-equiv="tdm-reservation" content="1">', {}, "meta tdm-reservation: tdm-reservation"),
        ('<meta name="tdm-reservation" content="true">', {}, "meta tdm-reservation: tdm-reservation"),
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
        ("", '"1"', "header tdm-reservation: tdm-reservation"),
        ("", "false", None),
        ("index; noai nofollow", "", "header x-robots-tag: noai"),
    ],
)
def test_headers_opt_a_page_and_a_file_out_alike(tag: str, reservation: str, said: str | None) -> None:
    headers = {"X-Robots-Tag": tag, "TDM-Reservation": reservation}
    document = read_document(b"<html><body>x", "https://shop.example/p", headers)
    assert page_opt_out(document, "m5data", HONOURED) == said
    assert honoured_opt_out([tag], [reservation], "m5data", frozenset(HONOURED)) == said
    assert honoured_opt_out([tag], [reservation], "m5data", frozenset()) is None


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["nofollow", "noai"], "header x-robots-tag: noai"),
        (["googlebot: nofollow", "noai"], "header x-robots-tag: noai"),
        (["noai", "googlebot: nofollow"], "header x-robots-tag: noai"),
        (["googlebot: nofollow, noai", "unavailable_after: 25 Jun 2030 15:00:00 GMT"], None),
        (["other/1.0: noai", "M5data/2.0: noindex"], "header x-robots-tag: noindex"),
        (["*: noai"], "header x-robots-tag: noai"),
    ],
)
def test_name_of_a_crawler_addresses_its_own_line(tags: list[str], said: str | None) -> None:
    document = read_document(b"<html>", "https://shop.example/p", [("X-Robots-Tag", tag) for tag in tags])

    assert page_opt_out(document, "m5data", HONOURED) == said
    assert honoured_opt_out(tags, [], "m5data", frozenset(HONOURED)) == said


def test_any_line_of_a_reservation_counts() -> None:
    headers = [("TDM-Reservation", "0"), ("tdm-reservation", "1")]
    document = read_document(b"<html>", "https://shop.example/p", headers)

    assert page_opt_out(document, "m5data", HONOURED) == "header tdm-reservation: tdm-reservation"
    assert honoured_opt_out([], ["0", "1"], "m5data", frozenset(HONOURED)) is not None
