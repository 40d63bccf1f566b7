"""Meanings of usage signals: cases in the form of the examples in their specifications, each with its source.

Verdicts on train, evaluate, search and display are written ``-`` (refused), ``+`` (allowed) or ``?`` (unknown).
"""

from collections.abc import Mapping, Sequence

import pytest

from core.usage import PURPOSES, Meaning, strictest
from crawler.net.robots import read_group
from crawler.rights.page import from_json, header_statements, page_statements, renewed, to_json, unpaid
from crawler.rights.rsl import Content, read_licence
from crawler.rights.signals import DIRECTIVES, SIGNALS, Statement, decide
from crawler.rights.site import SiteSignals
from reader.document import read_document

SHOP = "https://shop.example"
LICENCE = f"{SHOP}/license.xml"
LETTERS = {"refused": "-", "allowed": "+", "unknown": "?"}

CLOUDFLARE = "developers.cloudflare.com, managed robots.txt"
POLICY = "contentsignals.org, Content Signals Policy"
ATTACH = "draft-ietf-aipref-attach-05"
VOCAB = "draft-ietf-aipref-vocab-08"
RSL = "rslstandard.org, RSL 1.0"


def meaning(statements: Sequence[Statement], url: str, licences: Mapping[str, str] | None = None) -> str:
    def read(asked: str) -> tuple[Content, ...] | None:
        return read_licence((licences or {}).get(asked, ""))

    whole = strictest(decide(one, url, read).meaning for one in statements)
    return "".join(LETTERS[verdict] for verdict in whole)


def of_robots(text: str, path: str = "/", licences: Mapping[str, str] | None = None) -> str:
    site = SiteSignals.read(SHOP, text, "", "", "ExampleBot")
    return meaning(site.statements(SHOP + path), SHOP + path, licences)


def permits(uses: str) -> str:
    return f'<permits type="usage">{uses}</permits>'


def prohibits(uses: str) -> str:
    return f'<prohibits type="usage">{uses}</prohibits>'


def licence(terms: str, content: str = 'url="/"') -> str:
    return f'<rsl xmlns="https://rslstandard.org/rsl"><content {content}><license>{terms}</license></content></rsl>'


MANAGED = """# BEGIN Cloudflare Managed content
User-Agent: *
Content-signal: search=yes,ai-train=no
Allow: /

User-agent: Amazonbot
Disallow: /

User-agent: GPTBot
Disallow: /
# END Cloudflare Managed Content
User-agent: *
Disallow: /lp
"""
ATTACHED = """User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: OtherBot
Allow: /
Content-Usage: train-ai=y
"""
EQUAL_PATHS = "User-Agent: *\nContent-Usage: /a train-ai=y\nContent-Usage: /a train-ai=n, search=y"
JOINED = """User-agent: ExampleBot
Content-Signal: search=yes
User-agent: x
Allow: /
User-agent: EXAMPLEBOT
Content-Signal: ai-train=no"""
OTHER_RECORD = "User-agent: x\nSitemap: /s.xml\nUser-agent: *\nContent-Signal: ai-train=no"


@pytest.mark.parametrize(
    ("source", "text", "path", "expected"),
    [
        (POLICY, "User-Agent: *\nContent-Signal: ai-train=no, search=yes, ai-input=yes\nAllow: /", "/", "-++?"),
        (POLICY, "User-Agent: *\nContent-Signal: ai-train=no, search=yes, ai-input=no\nAllow: /", "/", "--+?"),
        (POLICY, "User-Agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /", "/", "-?+?"),
        (POLICY, "User-Agent: *\nContent-Signal: ai-train=yes, search=yes, ai-input=yes", "/p", "+++?"),
        (POLICY, "User-Agent: *\nContent-Signal: ai-train=no, search=no, ai-input=no", "/p", "---?"),
        (POLICY, "User-Agent: *\nAllow: /", "/", "????"),
        (CLOUDFLARE, MANAGED, "/p/1", "-?+?"),
        (CLOUDFLARE, MANAGED, "/lp", "----"),
        (CLOUDFLARE, "User-agent: *\nContent-Signal: search=yes,ai-train=no,use=reference\nAllow: /", "/p", "-?+-"),
        (CLOUDFLARE, "User-agent: *\nContent-Signal: use=immediate", "/p", "----"),
        (CLOUDFLARE, "User-agent: *\nContent-Signal: use=full", "/p", "???+"),
        (CLOUDFLARE, "User-agent: GPTBot\nContent-Signal: ai-train=no", "/p", "????"),
        (CLOUDFLARE, "User-agent: *\nContent-Signal: ai-train=yes\nUser-agent: examplebot\nContent-Signal: ai-train=no",
         "/p", "-???"),
        (ATTACH, "User-Agent: *\nAllow: /\nContent-Usage: train-ai=n", "/", "-???"),
        (ATTACH, ATTACHED, "/test", "-???"),
        (ATTACH, ATTACHED, "/ai-ok/test", "+???"),
        (ATTACH, ATTACHED, "/never/test", "----"),
        (ATTACH, ATTACHED.replace("OtherBot", "ExampleBot"), "/test", "+???"),
        (f"{ATTACH}: equal paths apply separately", EQUAL_PATHS, "/a/1", "-?+?"),
        (f"{ATTACH}: the longest path alone", "User-Agent: *\nContent-Usage: train-ai=n\nContent-Usage: /a/ search=y",
         "/a/1", "??+?"),
        (f"{ATTACH}: spaces, comment", "User-Agent: *\n \tContent-Usage \t:  / \t train-ai=n # ours", "/a", "-???"),
        (f"{ATTACH}: escaped path", "User-Agent: *\nContent-Usage: /a%20b/ train-ai=n", "/%61%20b/c", "-???"),
        (f"{ATTACH}: wildcards of RFC 9309", "User-Agent: *\nContent-Usage: /*.html$ train-ai=n", "/x/y.html", "-???"),
        (f"{ATTACH}: wildcards of RFC 9309", "User-Agent: *\nContent-Usage: /*.html$ train-ai=n", "/y.html?a", "????"),
        ("conflict", "User-Agent: *\nContent-Signal: ai-train=yes\nContent-Usage: train-ai=n", "/", "-???"),
        ("conflict: the stricter", "User-Agent: *\nContent-Signal: search=no\nContent-Usage: search=y", "/", "??-?"),
        ("RFC 9309, 2.2.1: groups of one crawler are joined", JOINED, "/", "-?+?"),
        ("RFC 9309, 2.2.4: other records end no group", OTHER_RECORD, "/", "-???"),
    ],
)  # fmt: skip
def test_robots_txt(source: str, text: str, path: str, expected: str) -> None:
    assert of_robots(text, path) == expected, source


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        (f"{ATTACH}, 1.2", "train-ai=n", "-???"),
        (f"{VOCAB}: format", "train-ai=y, search=n", "+?-?"),
        (f"{VOCAB}: labels", "ai-use=n", "?-??"),
        (f"{VOCAB}: several of one key", 'train-ai=y, train-ai, search=n, search="n"', "????"),
        (f"{VOCAB}: parameters", "train-ai;allow=n, train-ai=y", "+???"),
        (f"{VOCAB}: parameters", 'train-ai;has;parameters="?";', "????"),
        (f"{VOCAB}: upper case", "Train-AI=n", "????"),
        (f"{VOCAB}: unknown labels", "weather=n, train-ai=n", "-???"),
        (f"{VOCAB}: other values", "train-ai=maybe, search=?0", "????"),
        (
            "RFC 9651, 3.2: members of every type",
            'a=1, b=(x "y";q=1 ?0);z, c=:aGk=:, d=@1, e=%"a%c3", train-ai=n',
            "-???",
        ),
        ("RFC 9651, 4.2.2: a comma at the end", "train-ai=n,", "????"),
        ("draft-ietf-aipref-vocab-00", "ai=y, genai=n", "-???"),
        ("draft-ietf-aipref-vocab-00", "tdm=n, search=y", "--+?"),
    ],
)
def test_content_usage(source: str, value: str, expected: str) -> None:
    assert meaning(header_statements({"content-usage": value}, SHOP), SHOP) == expected, source


@pytest.mark.parametrize(
    ("source", "text", "path", "expected"),
    [
        (f"{RSL}: AI prohibited", licence(prohibits("ai-all")), "/", "--??"),
        ("PieFed.social, RSL guide", licence(prohibits("all")), "/", "----"),
        ("PieFed.social, RSL guide", licence(permits("search")), "/", "--+-"),
        (f"{RSL}, 3.5", licence(permits("all")), "/", "++++"),
        (f"{RSL}, 3.5", licence(permits("search ai-index ai-input") + prohibits("ai-train")
         + '<payment type="attribution"/>'), "/", "-++-"),
        (f"{RSL}, 3.1.1", licence(permits("ai-train search") + prohibits("ai-train")), "/", "--+-"),
        (f"{RSL}, 3.7", licence(permits("ai-train") + '<payment type="purchase"><amount currency="USD">9</amount>'
         "</payment>"), "/", "----"),
        (f"{RSL}, 3.3", licence(permits("ai-train") + '<payment type="royalty"/>',
         'url="/" server="https://rslcollective.org/api"'), "/", "----"),
        (f"{RSL}, 3.3", licence(permits("all"), 'url="/images/"'), "/p", "????"),
        (f"{RSL}, 3.3", licence(permits("all"), 'url="https://shop.example/p*"'), "/p/1", "++++"),
        (f"{RSL}, 3.3", licence(permits("all"), 'url="https://other.example/*"'), "/p", "????"),
        (f"{RSL}, 3.4", licence(permits("all") + '<permits type="user">education</permits>'), "/", "----"),
        (f"{RSL}, 3.1.1: a wider prohibition stays", licence(prohibits("ai-train")).replace(
            "</rsl>", f'<content url="/free/"><license>{permits("all")}</license></content></rsl>'),
         "/free/1", "-+++"),
        (f"{RSL}, 3.4: two offers", licence(
            permits("search") + "</license><license>" + permits("ai-train") + '<payment type="training"/>'), "/",
         "--+-"),
        (f"{RSL}: drafts before 1.0", licence(prohibits("train-ai, ai-use")), "/", "--??"),
        ("named, but no RSL", "<html>gone</html>", "/", "----"),
        ("entities are not read", '<!DOCTYPE r [<!ENTITY a "ai-all">]>' + licence(permits("&a;")),
         "/", "----"),
    ],
)  # fmt: skip
def test_licence_that_robots_txt_names(source: str, text: str, path: str, expected: str) -> None:
    robots = f"License: {LICENCE}\n\nUser-agent: Googlebot\nAllow: /"
    assert of_robots(robots, path, {LICENCE: text}) == expected, source


INLINE = licence("<prohibits>all</prohibits>", 'url=""')
NO_TRAINING = licence(prohibits("ai-train"))


@pytest.mark.parametrize(
    ("source", "page", "headers", "expected"),
    [
        (f"{RSL}, 4.5", "", {"link": f'<{LICENCE}>; rel="license"; type="application/rsl+xml"'}, "-???"),
        (f"{RSL}, 4.5", "", {"link": '</a.css>; rel=preload, </license.xml>; rel=license; type="application/rsl+xml"'},
         "-???"),
        (f"{RSL}, 4.6", '<link rel="license" type="application/rsl+xml" href="/license.xml">', {}, "-???"),
        (f"{RSL}, 4.6", f'<script type="application/rsl+xml">{INLINE}</script>',
         {}, "----"),
        ("RFC 4946: a licence for people", '<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">',
         {}, "????"),
        (f"{RSL}, 4.6: not readable", '<link rel="license" type="application/rsl+xml" href="/gone.xml">', {}, "----"),
        ("W3C TDMRep, 6.2", "", {"tdm-reservation": "1"}, "--??"),
        ("W3C TDMRep, 6.3", '<meta name="tdm-reservation" content="1">', {}, "--??"),
        ("W3C TDMRep, 6.2", "", {"tdm-reservation": "0"}, "????"),
        ("DeviantArt, noai", '<meta name="robots" content="noai, noimageai">', {}, "--??"),
        ("X-Robots-Tag", "", {"x-robots-tag": "otherbot: noai, examplebot: noindex"}, "??-?"),
        ("Cloudflare, Markdown for Agents", "", {"content-signal": "ai-train=yes, search=yes, ai-input=yes"}, "+++?"),
        ("conflict: the stricter", '<meta name="robots" content="noml">', {"content-usage": "train-ai=y"}, "--??"),
    ],
)  # fmt: skip
def test_pages_and_headers(source: str, page: str, headers: Mapping[str, str], expected: str) -> None:
    document = read_document(f"<html><head>{page}</head><body>x".encode(), f"{SHOP}/p", headers)
    statements = page_statements(document, "ExampleBot")
    assert meaning(statements, f"{SHOP}/p", {LICENCE: NO_TRAINING}) == expected, source
    assert from_json(to_json(statements)) == statements


@pytest.mark.parametrize(
    ("source", "headers", "served"),
    [
        ("Cloudflare, Pay Per Crawl", {"crawler-price": "USD 0.01"}, "402; crawler-price: USD 0.01"),
        ("Cloudflare, Pay Per Crawl, error codes", {"crawler-error": "MissingCrawlerPrice"},
         "402; crawler-error: MissingCrawlerPrice"),
        ("RSL 1.0, Crawler Authorization Protocol", {"www-authenticate": 'License error="invalid_request"'},
         '402; www-authenticate: License error="invalid_request"'),
        ("RFC 9110, 15.5.3", {}, "402"),
    ],
)  # fmt: skip
def test_payment_is_asked_for(source: str, headers: Mapping[str, str], served: str) -> None:
    before = to_json([Statement("content-usage", "header", "search=y"), Statement("http-402", "status", "402")])
    after = from_json(unpaid(before, headers))
    assert ([one.served for one in after], meaning(after, SHOP)) == (["search=y", served], "----"), source
    assert from_json(renewed(to_json(after), {}, SHOP)) == after[:1]


def test_unchanged_page_keeps_signals_unless_headers_differ() -> None:
    known = [Statement("content-usage", "header", "train-ai=y"), Statement("noai", "meta robots", "noai")]
    assert renewed(to_json(known), {}, SHOP) is None
    assert from_json(renewed(to_json(known), {"content-usage": "train-ai=n"}, SHOP)) == [
        known[1],
        Statement("content-usage", "header", "train-ai=n"),
    ]


def test_the_site_files() -> None:
    reserved = '[{"location": "/img/*", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 0}]'
    site = SiteSignals.read(SHOP, "", reserved, "User-Agent: *\nDisallow: /a/", "ExampleBot")
    asked = {path: meaning(site.statements(SHOP + path), SHOP + path) for path in ("/img/1", "/p/1", "/a/1")}
    assert asked == {"/img/1": "--??", "/p/1": "????", "/a/1": "-???"}  # W3C TDMRep, 6.1; spawning.ai, ai.txt


def test_the_own_groups_licence_comes_before_the_one_for_every_crawler() -> None:
    text = (
        "License: /all.xml\nUser-agent: *\nLicense: /star.xml\nUser-agent: ExampleBot\nLicense: https://l.example/b\n"
    )
    named = {agent: SiteSignals.read(SHOP, text, "", "", agent).licences for agent in ("ExampleBot", "other")}
    assert named == {"ExampleBot": ("https://l.example/b",), "other": (f"{SHOP}/star.xml",)}
    assert SiteSignals.read(SHOP, "License: /all.xml\nUser-agent: *\nAllow: /", "", "", "x").licences == (
        f"{SHOP}/all.xml",
    )


def test_every_signal_is_in_the_decision_table() -> None:
    assert set(SIGNALS) - DIRECTIVES.keys() == {"content-signal", "content-usage", "rsl"}
    assert Meaning._fields == PURPOSES
    assert strictest([]) == Meaning()


def test_a_licence_in_a_page_that_is_too_long_refuses_everything() -> None:
    script = f'<script type="application/rsl+xml">{licence(permits("all"))}{" " * 9_000}<!-- --></script>'
    long = script.replace("<license>", "<license>" + " " * 9_000)
    for page, expected in ((script, "++++"), (long, "----")):
        document = read_document(f"<html><head>{page}</head>".encode(), f"{SHOP}/p", {})
        assert meaning(page_statements(document, "ExampleBot"), f"{SHOP}/p") == expected


def test_a_group_has_the_rules_of_all_crawlers_that_it_names() -> None:
    lines = read_group("\ufeffUser-agent: a\nUser-agent: b\nAllow: /x\nnonsense\nUser-agent:\nDisallow: /", "B")
    assert (lines.own, lines.outside) == ((("allow", "/x"),), ())
