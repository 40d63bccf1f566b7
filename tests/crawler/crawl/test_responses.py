import pytest

from crawler.crawl.responses import PageRules, read_response
from crawler.crawl.scope import Scope
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.net.client import Fetched

HOME = "https://shop.example"
RULES = PageRules(Scope([HOME + "/"]), "m5data", ("noai",), max_redirects=2, max_sitemap_bytes=1000)
NOFOLLOW = "the shop asks crawlers not to follow this link"
OTHER_HOST = "the source has no start URL there"
HTML = (("Content-Type", "text/html"), ("ETag", '"7"'), ("Server", "x"))


def task(path: str = "/p", **known: object) -> CrawlTask:
    values: dict[str, object] = {"kind": "page", "rank": 4, "depth": 1, "hops": 0, "chain": 0, "listed": False}
    return CrawlTask(HOME + path, **{**values, **known})  # type: ignore[arg-type]


def test_a_page_is_kept_with_the_headers_its_reading_needs_and_its_links() -> None:
    body = (
        b'<html><head><link rel="canonical" href="/q"></head><a href="/l?page=2" rel="next">n</a>'
        b'<a href="/b#x">b</a><a href="b">again</a><a href="/no" rel="nofollow">no</a>'
        b'<a href="https://other.example/x">o</a><a href="//other.example/y"></a>'
        b'<a href="/a/a/a/a/a">trap</a><a href="/p">self</a>'
    )
    assert read_response(task(), Fetched(200, HTML, body), RULES) == (
        Visit(
            task(), "done", http_status=200, headers={"content-type": "text/html", "etag": '"7"'},
            canonical=HOME + "/q", content="b14e6bd468c946b6", signals="[]",
            found=(
                Found(HOME + "/l?page=2", rank=3, depth=1, chain=1),
                Found(HOME + "/q", depth=2),
                Found(HOME + "/b", depth=2),
                Found(HOME + "/no", depth=2, refused="nofollow", detail=NOFOLLOW),
                Found("https://other.example/", depth=2, refused="other_host", detail=OTHER_HOST),
                Found(HOME + "/a/a/a/a/a", depth=2, refused="trap", detail="path repeats itself"),
            ),
        ),
        body,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [(404, "failed", "http_404"), (410, "failed", "http_410"), (403, "failed", "http_403"), (429, "failed", "http_429"),
     (500, "failed", "http_5xx"), (204, "failed", "http_status")],
)  # fmt: skip
def test_refusals(status: int, state: str, reason: str) -> None:
    visit, body = read_response(task(), Fetched(status, (), b""), RULES)
    assert (visit.state, visit.reason, visit.http_status, body) == (state, reason, status, None)


def test_a_page_that_asks_for_payment_says_how_much() -> None:
    visit, body = read_response(task(), Fetched(402, (("Crawler-Price", "USD 0.01"),), b"pay"), RULES)
    assert (visit.reason, visit.detail, body) == ("http_402", "HTTP status 402; crawler-price: USD 0.01", None)
    assert visit.signals == '[["http-402", "status", "402; crawler-price: USD 0.01"]]'
    known = task(page_sha256="aa", signals=visit.signals)
    assert read_response(known, Fetched(304, (), b""), RULES)[0].signals == "[]"


def test_an_unchanged_page_stays_done() -> None:
    known = task(page_sha256="aa", etag="x")
    assert read_response(known, Fetched(304, (), b""), RULES) == (Visit(known, "done", http_status=304), None)


@pytest.mark.parametrize(
    ("location", "hops", "reason"),
    [("https://other.example/", 0, "offsite"), ("ftp://shop.example/x", 0, "bad_scheme"), ("/p", 0, "redirect_loop"),
     ("/q", 2, "redirect_loop"), ("", 0, "bad_redirect"), ("http://[", 0, "bad_redirect")],
)  # fmt: skip
def test_redirects_that_are_not_followed(location: str, hops: int, reason: str) -> None:
    visit, _ = read_response(task(hops=hops), Fetched(302, (("Location", location),), b""), RULES)
    assert (visit.state, visit.reason, visit.found) == ("failed", reason, ())


def test_a_redirect_adds_its_target_and_gives_the_page_up() -> None:
    visit, _ = read_response(task(hops=1), Fetched(301, (("Location", "/q"),), b""), RULES)
    assert visit == Visit(
        task(hops=1), "redirected", "redirect", f"to {HOME}/q", 301, forget=True, redirect_to=HOME + "/q",
        found=(Found(HOME + "/q", depth=1, hops=2),),
    )  # fmt: skip


def test_a_page_that_opts_out_is_not_kept_but_its_links_are_followed() -> None:
    body = b'<html><head><meta name="robots" content="noai"></head><a href="/b">b</a>'
    visit, kept = read_response(task(), Fetched(200, HTML, body), RULES)
    assert (visit.state, visit.reason, visit.detail, visit.forget, kept) == (
        "skipped", "opt_out", "meta robots: noai", True, None,
    )  # fmt: skip
    assert visit.found == (Found(HOME + "/b", depth=2),)


def test_links_of_a_nofollow_page_are_counted_and_not_followed() -> None:
    headers = (*HTML, ("X-Robots-Tag", "nofollow"))
    visit, kept = read_response(task(), Fetched(200, headers, b'<html><a href="/b">b</a>'), RULES)
    assert visit.found == (Found(HOME + "/b", depth=2, refused="nofollow", detail=NOFOLLOW),)
    assert kept is not None


@pytest.mark.parametrize(
    ("mime", "body", "reason"),
    [("image/png", b"<html>", "not_html"), ("", b"plain words", "not_html"), ("", b"<!DOCTYPE html><p>x", None),
     ("text/html", b"", "page_empty"), ("application/json", b"{}", "not_html")],
)  # fmt: skip
def test_what_is_no_page(mime: str, body: bytes, reason: str | None) -> None:
    visit, _ = read_response(task(), Fetched(200, (("Content-Type", mime),), body), RULES)
    assert visit.reason == reason


def test_a_sitemap_is_known_by_its_content() -> None:
    body = b"<urlset><url><loc>https://shop.example/p/1</loc></url></urlset>"
    visit, kept = read_response(task("/map"), Fetched(200, (), body), RULES)
    assert (visit.kind, visit.state, visit.found, kept) == (
        "sitemap", "done", (Found(HOME + "/p/1", rank=2, depth=1, listed=True, listed_in=HOME + "/map"),), body,
    )  # fmt: skip


@pytest.mark.parametrize("answer", [Fetched(404, (), b""), Fetched(200, HTML, b"<html>home</html>")])
def test_a_sitemap_that_was_only_guessed_may_be_absent(answer: Fetched) -> None:
    guess = task("/sitemap.xml", kind="sitemap", rank=0, depth=0)
    assert read_response(guess, answer, RULES)[0].state == "absent"
    named = task("/sitemap.xml", kind="sitemap", rank=0, depth=0, listed=True)
    assert read_response(named, answer, RULES)[0].reason in {"http_404", "broken_sitemap"}
