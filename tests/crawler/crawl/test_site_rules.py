"""The files by which a host speaks to crawlers are read whatever their form, or refuse by name."""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TypeAlias

import pytest

from crawler.crawl.frontier import FRONTIER_DDL
from crawler.crawl.site_rules import HostRules, SiteFiles, SourceStoppedError
from crawler.net.client import ClientLimits, Fetched, FetchError, PageClient

HOME = "https://shop.example"
Answer: TypeAlias = bytes | int | tuple[int, str]
"""A body, a status, or a status with a ``Location``."""
BAN = "User-agent: *\nDisallow: /"


class Files(PageClient):
    """A client whose hosts have only these files."""

    def __init__(self, files: Mapping[str, Answer]) -> None:
        self._files = files

    async def get(self, url: str, limits: ClientLimits, headers: Mapping[str, str] | None = None) -> Fetched:
        found = self._files.get(url.removeprefix(HOME), 404)
        if isinstance(found, bytes):
            return Fetched(200, (), found[: limits.max_bytes])
        if found == 0:
            raise FetchError("timeout", "no whole answer")
        status, location = found if isinstance(found, tuple) else (found, "")
        return Fetched(status, (("Location", location),), b"")


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in FRONTIER_DDL:
            connection.execute(statement)
        yield connection


def rules(database: sqlite3.Connection, files: Mapping[str, Answer]) -> HostRules:
    reader = SiteFiles(
        Files(files), database, now=datetime(2024, 5, 1, tzinfo=UTC), limits=ClientLimits(1, 1, 100_000),
        retries=0, backoff_s=0, max_wait_s=0,
    )  # fmt: skip
    return asyncio.run(reader.rules(HOME + "/", "m5data", tdm=True))


@pytest.mark.parametrize(
    ("file", "body"),
    [
        *(("/robots.txt", BAN.encode(codec)) for codec in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32")),
        ("/robots.txt", b"# caf\xe9\n" + BAN.encode()),
        ("/robots.txt", BAN.replace("*", "m5data/1.0").encode()),
        ("/ai.txt", BAN.encode("utf-8-sig")),
        ("/ai.txt", BAN.encode("utf-16")),
        ("/.well-known/tdmrep.json", '[{"location": "/", "tdm-reservation": 1}]'.encode("utf-8-sig")),
        ("/.well-known/tdmrep.json", '[{"location": "/", "tdm-reservation": 1}]'.encode("utf-16-le")),
        ("/.well-known/tdmrep.json", b"[{'location': '/'}]"),
        ("/.well-known/tdmrep.json", 503),
        ("/ai.txt", 0),
    ],
)
def test_refusal_is_read_or_assumed(database: sqlite3.Connection, file: str, body: Answer) -> None:
    refused = rules(database, {"/robots.txt": b"User-agent: *\nAllow: /\n", file: body}).refusal(HOME + "/p/1")

    assert refused is not None
    assert refused[1].startswith(file.rpartition("/")[2])


@pytest.mark.parametrize(
    "files",
    [
        {},
        {
            "/robots.txt": b"<!doctype html><title>Shop</title>",
            "/ai.txt": b"<html>",
            "/.well-known/tdmrep.json": b"<p>",
        },
        {"/robots.txt": (301, "//shop.example/r"), "/r": b"User-agent: *\nDisallow: /private"},
        {"/robots.txt": 403},
    ],
)
def test_host_without_refusal_admits(database: sqlite3.Connection, files: dict[str, Answer]) -> None:
    assert rules(database, files).refusal(HOME + "/p/1") is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (503, "HTTP status 503"),
        (0, "no whole answer"),
        (b"\x7fELF\0\0\x01\x02\x03", "not a text file"),
        ((302, "/robots.txt"), "more than 5 redirects"),
        ((302, "ftp://shop.example/robots.txt"), "leads to no web page"),
        ((302, ""), "leads to no web page"),
    ],
)
def test_robots_that_cannot_be_read_stops_the_source(database: sqlite3.Connection, answer: Answer, said: str) -> None:
    with pytest.raises(SourceStoppedError, match=said) as stopped:
        rules(database, {"/robots.txt": answer})

    assert stopped.value.reason == "unreachable_robots"
    assert f"{HOME}/robots.txt" in stopped.value.detail


def test_url_is_compared_as_it_is_requested(database: sqlite3.Connection) -> None:
    found = rules(database, {"/robots.txt": b"User-agent: *\nDisallow: /private/\nDisallow: /caf%c3%a9"})
    asked = ("/public/../private/1", "/%2e/private/1", "/privat%65/1", "\\private\\1", "/café", "/caf%C3%A9")

    assert [found.refusal(HOME + path) for path in asked] == [("robots", "robots.txt: Disallow")] * len(asked)
