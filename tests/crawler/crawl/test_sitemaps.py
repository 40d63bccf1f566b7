import gzip
from dataclasses import replace

import pytest

from crawler.crawl.responses import links_of_sitemap
from crawler.crawl.scope import Scope
from crawler.crawl.sitemaps import Sitemap, looks_like_sitemap, read_sitemap, sitemap_urls
from crawler.crawl.visits import CrawlTask, Found

URLSET = b"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc> https://shop.example/p/1 </loc><lastmod>2024-01-01</lastmod></url>
<url><loc>https://shop.example/p/2&amp;x</loc></url><url><lastmod>2024</lastmod></url></urlset>"""
INDEX = b"""<sitemapindex><sitemap><loc>https://shop.example/s1.xml.gz</loc></sitemap></sitemapindex>"""
BIG = 10_000_000


def test_pages_and_further_files_are_read_with_and_without_gzip() -> None:
    pages = Sitemap(
        urls=("https://shop.example/p/1", "https://shop.example/p/2&x"),
        modified={"https://shop.example/p/1": "2024-01-02T12:00:00+00:00"},
    )
    assert read_sitemap(URLSET, BIG) == pages
    assert read_sitemap(gzip.compress(URLSET), BIG) == pages
    assert read_sitemap(gzip.compress(gzip.compress(URLSET)), BIG) == pages
    assert read_sitemap(INDEX, BIG) == Sitemap(sitemaps=("https://shop.example/s1.xml.gz",))


def test_a_plain_list_is_read() -> None:
    assert read_sitemap(b"https://shop.example/a\n\nnonsense\r\nhttps://shop.example/b", BIG) == Sitemap(
        urls=("https://shop.example/a", "https://shop.example/b")
    )


@pytest.mark.parametrize(
    ("body", "urls"),
    [
        ("\ufeffhttps://a.example/1\r\nhttps://a.example/2\n".encode(), ("https://a.example/1", "https://a.example/2")),
        ("https://a.example/1\nhttps://a.example/2".encode("utf-16"), ("https://a.example/1", "https://a.example/2")),
        ("<urlset><url><loc>https://a.example/é</loc></url></urlset>".encode("utf-16"), ("https://a.example/é",)),
        (b"\n <?xml version='1.0'?><urlset><url><loc>/1?a=1&b=2&amp;c=3</loc></url></urlset>", ("/1?a=1&b=2&c=3",)),
        (b"<br><b>Warning</b>: x\n<?xml version='1.0'?><urlset><url><loc>/1</loc></url></urlset>", ("/1",)),
        (b"<urlset><url><loc>/1?a=1&amp;amp;b=2</loc></url></urlset>", ("/1?a=1&b=2",)),
        (b"<urlset><url><loc><![CDATA[/1?a=1&b=2]]></loc></url></urlset>", ("/1?a=1&b=2",)),
        (b"<urlset><url><loc>/caf&eacute;&#38;&#x26;</loc></url></urlset>", ("/café&&",)),
        (b"<urlset><url><loc>/a\x0b\x00b</loc></url></urlset>", ("/ab",)),
        (b"<s:urlset xmlns:s='x'><s:url><s:loc>/1</s:loc></s:url></s:urlset>", ("/1",)),
        (
            b"<s:URLSET><s:URL><s:LOC>/1</s:LOC><image:image><image:loc>/i</image:loc></image:image></s:URL></s:URLSET>",
            ("/1",),
        ),
        (b"<urlset><url><loc>/1</loc><i:image><i:loc>/i</i:loc></i:image></url></urlset>", ("/1",)),
        (b"<urlset><url><loc>/1</loc><!-- x --><loc>/2</loc></url></urlset>", ("/1", "/2")),
        (b"<urlset><url>https://a.example/1</url></urlset>", ("https://a.example/1",)),
        (b"<urlset><url><loc>/1</loc></url><url><loc>/2", ("/1",)),
        (b"<urlset><url><loc>/1</loc></url><url><loc>/2</loc><last", ("/1", "/2")),
        (
            b"<rss><link>/shop</link><item><link>/1</link></item><item><guid>https://a.example/2</guid></item></rss>",
            ("/1", "https://a.example/2"),
        ),
        (
            b"<feed xmlns='a'><link href='/'/><entry><link rel='self' href='/x'/><link href='/1'/></entry></feed>",
            ("/1",),
        ),
    ],
)
def test_other_forms_and_flaws_are_read(body: bytes, urls: tuple[str, ...]) -> None:
    assert read_sitemap(body, BIG).urls == urls
    assert read_sitemap(gzip.compress(body[:20]) + gzip.compress(body[20:]), BIG).urls == urls


def test_declared_encoding_is_used() -> None:
    body = "<?xml version='1.0' encoding='windows-1251'?><urlset><url><loc>/я</loc></url></urlset>".encode("cp1251")

    assert read_sitemap(body, BIG).urls == ("/я",)
    assert read_sitemap(body, BIG, "text/xml; charset=koi8-r").urls == ("/Ъ",)


def test_each_page_has_the_date_beside_it() -> None:
    body = b"<rss><item><link>/1</link><pubDate>Mon, 01 Jan 2024 10:00:00 GMT</pubDate></item></rss>"

    assert read_sitemap(body, BIG).modified == {"/1": "2024-01-01T10:00:00+00:00"}


def test_a_broken_file_gives_what_stands_before_the_break() -> None:
    assert read_sitemap(URLSET[: URLSET.index(b"</url>") + 20], BIG).urls == ("https://shop.example/p/1",)


def test_a_bomb_is_refused() -> None:
    with pytest.raises(ValueError, match="more than the limit of 1000 bytes"):
        read_sitemap(gzip.compress(URLSET + b" " * 100_000), 1000)


def test_entities_are_not_expanded() -> None:
    body = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><urlset><url><loc>&e;</loc></url></urlset>'
    assert read_sitemap(body, BIG) == Sitemap()


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        *((URLSET, True), (gzip.compress(INDEX, mtime=0), True), (b"<html>", False), (b"\x1f\x8bxx", False)),
        *((URLSET.decode().encode("utf-16"), True), (b"<ns0:urlset xmlns:ns0='x'>", True), (b"<rss>", False)),
    ],
)
def test_a_sitemap_is_told_by_its_content(body: bytes, is_one: bool) -> None:  # noqa: FBT001
    assert looks_like_sitemap(body) is is_one


def test_a_host_that_does_not_know_its_name_is_put_right() -> None:
    scope = Scope(["http://127.0.0.1:8000/"])
    listed = ("http://example.com/p/1", "/p/2", "http://example.com/p/1")
    assert sitemap_urls(listed[:1] + listed[2:], "http://127.0.0.1:8000/sitemap.xml", scope) == {
        "http://127.0.0.1:8000/p/1": "http://example.com/p/1"
    }


def test_one_stranger_among_the_shops_own_stays_a_stranger() -> None:
    scope = Scope(["https://shop.example/"])
    task = CrawlTask("https://shop.example/sitemap.xml", "sitemap", 0, 0, 0, 0, listed=True)
    sitemap = Sitemap(("https://shop.example/p/1", "https://other.example/p"), ("https://shop.example/s2.xml",))
    sitemap = replace(sitemap, modified={"https://shop.example/p/1": "2024-01-02"})
    assert links_of_sitemap(sitemap, task, scope) == (
        Found("https://shop.example/s2.xml", "sitemap", 1, 1),
        Found("https://shop.example/p/1", rank=2, depth=1, listed=True, listed_in=task.url, modified="2024-01-02"),
        Found(
            "https://other.example/p", depth=1, refused="offsite",
            detail="listed in https://shop.example/sitemap.xml; its host is not the source's",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lastmod", "moment"),
    [
        ("2024-01-01T23:30:00+02:00", "2024-01-01T21:30:00+00:00"),
        ("2024-01-01T21:30:00.5Z", "2024-01-01T21:30:00.500000+00:00"),
        ("2024-01-01", "2024-01-02T12:00:00+00:00"),
        ("last Tuesday", None),
        ("2024-02", "2024-03-01T12:00:00+00:00"),
        ("2024", "2025-01-01T12:00:00+00:00"),
        ("Mon, 01 Jan 2024 23:30:00 +0200", "2024-01-01T21:30:00+00:00"),
    ],
)
def test_the_time_of_the_last_change_is_read_at_its_latest(lastmod: str, moment: str | None) -> None:
    body = f"<urlset><url><lastmod>{lastmod}</lastmod><loc>https://shop.example/p</loc></url></urlset>"
    assert read_sitemap(body.encode(), BIG).modified.get("https://shop.example/p") == moment
