"""Subject sitemaps: pages, sitemaps, dates and languages of sitemap files and of feeds that serve as such."""

import base64
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.suites.cases import Case, Result, judge, read_cases
from crawler.crawl.sitemaps import Sitemap, read_sitemap


def _read(body: bytes) -> Sitemap:
    """Return the content of a sitemap: ``urls``, ``sitemaps``, ``modified`` and ``languages`` by URL."""
    return read_sitemap(body, 50_000_000)


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        given = base64.b64decode(case["body_base64"])
        yield judge(case["kind"], case, given, _judged, case, given)


def _judged(case: Case, body: bytes) -> tuple[object, object, bool]:
    try:
        sitemap = _read(body)
    except Exception:
        if case.get("pages") or case.get("sitemaps"):
            raise
        return "no pages", "an error", True  # a file without any may be refused
    wrong = _differences(sitemap, case)
    return {name: case[name] for name in wrong}, wrong, not wrong


def _differences(sitemap: Sitemap, case: Case) -> dict[str, Any]:
    """Return the facts of a case that differ, with the sitemap's own."""
    lists = {"pages": list(sitemap.urls), "sitemaps": list(sitemap.sitemaps)}
    wrong: dict[str, Any] = {name: got for name, got in lists.items() if name in case and got != case[name]}
    modified = {url: sitemap.modified.get(url) for url in case.get("modified", {})}
    if any(_moment(date) != _moment(case["modified"][url]) for url, date in modified.items()):
        wrong["modified"] = modified
    if case.get("dated") and not sitemap.modified:
        wrong["dated"] = False
    languages = {url: sitemap.languages.get(url, "").lower() for url in case.get("languages", {})}
    if languages != case.get("languages", {}):
        wrong["languages"] = languages
    if "never" in case and any(case["never"] in url for url in sitemap.urls):
        wrong["never"] = "an external entity was read"
    return wrong


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
