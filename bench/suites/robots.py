"""Subject robots: what robots.txt and X-Robots-Tag allow, from the bytes of the response on."""

import asyncio
import base64
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from bench.suites.cases import Case, Result, judge, read_cases
from crawler.crawl.site_rules import SiteFiles, SourceStoppedError
from crawler.net.client import ClientLimits, Fetched, PageClient
from crawler.net.robots import robots_tag_directives

_CACHE = "CREATE TABLE source_files (url TEXT PRIMARY KEY, status INTEGER, body TEXT, fetched_at TEXT)"


@dataclass(frozen=True, slots=True)
class _OneFile:
    """A client of a host that has only this robots.txt."""

    body: bytes
    status: int

    async def get(self, url: str, _limits: ClientLimits) -> Fetched:
        if url.endswith("/robots.txt"):
            return Fetched(self.status, (("content-type", "text/plain"),), self.body)
        return Fetched(404, (), b"")


@dataclass(frozen=True, slots=True)
class _Rules:
    is_allowed: bool
    delay_s: float | None = None
    sitemaps: tuple[str, ...] = ()


def _rules(robots_txt: bytes, status: int, agent: str, url: str) -> _Rules:
    """Return what a robots.txt says of a URL; nothing is allowed if it must stop the source."""
    database = sqlite3.connect(":memory:")
    database.execute(_CACHE)
    files = SiteFiles(
        cast("PageClient", _OneFile(robots_txt, status)),
        database,
        now=datetime.now(UTC),
        limits=ClientLimits(10, 10, 1_000_000),
        retries=0,
        backoff_s=0,
        max_wait_s=0,
    )
    try:
        rules = asyncio.run(files.rules(url, agent, tdm=False))
    except SourceStoppedError:
        return _Rules(is_allowed=False)
    finally:
        database.close()
    return _Rules(rules.refusal(url) is None, rules.robots.delay_s, tuple(rules.robots.sitemaps))


def _tag_directives(headers: Sequence[str], agent: str) -> Sequence[str]:
    """Return the directives of X-Robots-Tag headers that address the agent."""
    return robots_tag_directives(headers, agent)


_ANSWERS = ("allowed", "delay_s", "sitemaps", "sitemap_count", "noindex", "nofollow")


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        given = {name: case[name] for name in ("agent", "url", "status", "x_robots_tag", "robots") if name in case}
        yield judge(_kind(case), case, given, _judged, case)


def _kind(case: Case) -> str:
    if "x_robots_tag" in case:
        return "X-Robots-Tag"
    if "status" in case:
        return "status"
    if "delay_s" in case:
        return "delay"
    return "rules" if "allowed" in case else "sitemaps"


def _judged(case: Case) -> tuple[object, object, bool]:
    expected = {name: case[name] for name in _ANSWERS if name in case}
    got = _answer(case)
    return expected, got, got == expected


def _answer(case: Case) -> dict[str, object]:
    if "x_robots_tag" in case:
        directives = _tag_directives(case["x_robots_tag"], case["agent"])
        return {name: name in directives for name in ("noindex", "nofollow")}
    body = base64.b64decode(case["robots_base64"]) if "robots_base64" in case else case["robots"].encode()
    rules = _rules(body, case.get("status", 200), case["agent"], case.get("url", "http://www.example.com/"))
    answers = {
        "allowed": rules.is_allowed,
        "delay_s": rules.delay_s,
        "sitemaps": list(rules.sitemaps),
        "sitemap_count": len(set(rules.sitemaps)),
    }
    return {name: answer for name, answer in answers.items() if name in case}
