"""Notes on the pages of each source that patterns, languages and limits left out, with the setting that did."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crawler.crawl.frontier import UNASKED, each_frontier
from crawler.crawl.languages import url_language
from crawler.records.choice import OUTSIDE, ChosenPages
from crawler.settings import CrawlSettings
from storage import Store

__all__ = ["LeftOut", "loss_notes", "pages_left_out"]

_STOPPED = "budget"
_UNASKED = ", ".join(f"'{reason}'" for reason in UNASKED)
_QUERY = f"""
SELECT p.source, coalesce(p.reason, '{_STOPPED}') AS why, count(*), min(p.url),
    sum(coalesce(p.reason, '') = 'other_language' AND names_language(p.url))
        + sum(p.state = 'pending' AND r.stopped IS NOT NULL) + sum(coalesce(p.reason, '') IN ({_UNASKED})),
    max(coalesce(r.languages, '')), max(coalesce(r.detail, ''))
FROM source_pages p LEFT JOIN source_runs r USING (source)
WHERE p.kind = 'page' AND p.page_sha256 IS NULL AND (
    p.reason IN ('not_followed', 'other_language', 'too_deep', 'trap', 'nothing_new', {_UNASKED})
    OR (p.state = 'pending' AND coalesce(r.stopped, '{_STOPPED}') = '{_STOPPED}'))
GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Pages of a source that were named to the crawl and not requested, or not kept, for one reason."""

    source: str
    reason: str
    pages: int
    example: str
    """The first of them by URL."""
    expected: int = 0
    """Those that cost no product: translations whose URL names their language, pages that the next run requests, and
    links that are no pages of the shop."""
    detail: str = ""
    """The languages crawled, or why the run stopped early."""


def pages_left_out(store: Store) -> tuple[LeftOut, ...]:
    """Return what the settings kept the crawl from requesting, by source and reason."""
    return tuple(one for _, connection in each_frontier(store) for one in _of(connection))


def _of(connection: sqlite3.Connection) -> Iterator[LeftOut]:
    connection.create_function("names_language", 1, lambda url: url_language(url) is not None, deterministic=True)
    for source, reason, pages, example, expected, languages, detail in connection.execute(_QUERY):
        taken = ", ".join(json.loads(languages)["taken"]) if languages else ""
        said = {"other_language": taken, _STOPPED: detail}.get(reason, "")
        yield LeftOut(source, reason, pages, example, expected, said)


def loss_notes(left_out: tuple[LeftOut, ...], choice: ChosenPages, settings: CrawlSettings) -> tuple[str, ...]:
    """Return a line for each reason of each source, and a warning for each source that kept too little.

    The share that counts is that of the products among products and pages left out
    (:attr:`crawler.settings.CrawlSettings.min_kept_share`).

    Args:
        left_out: Pages that were not requested.
        choice: The products, and the rejects of pages that were read.
        settings: The sources.
    """
    outside = [LeftOut(source, OUTSIDE, pages, example) for source, (pages, example) in choice.outside.items()]
    losses = sorted((*left_out, *outside), key=lambda one: (one.source, one.reason))
    notes = [f"source {one.source}: {_sentence(one, settings)}" for one in losses]
    notes += [
        f"source {one.source}: {one.products:,} products show the id {one.id!r}, so it is none; each has an id from "
        f"its URL. A page object of sources.{one.source}.page_object can read a better one."
        for one in choice.shared_ids
    ]
    kept = Counter(one.page.source for one in choice.products.values())
    lost: Counter[str] = Counter()
    for one in losses:
        lost[one.source] += one.pages - one.expected
    return (*notes, *_warnings(losses, kept, lost, settings))


def _warnings(
    losses: list[LeftOut], kept: Mapping[str, int], lost: Mapping[str, int], settings: CrawlSettings
) -> Iterator[str]:
    for source, count in lost.items():
        named = kept[source] + count
        if count and kept[source] < settings.min_kept_share * named:
            worst = max((one for one in losses if one.source == source), key=lambda one: one.pages - one.expected)
            yield (
                f"warning: source {source}: {kept[source]:,} of {named:,} pages that may show a product were kept, "
                f"less than crawl.min_kept_share ({settings.min_kept_share:g}). Most were left out by {worst.reason}: "
                f"check {_setting(worst)}."
            )


def _sentence(one: LeftOut, settings: CrawlSettings) -> str:
    source = settings.sources.get(one.source)
    languages = ", ".join(source.languages if source else ()) or one.detail
    meaning = {
        "not_followed": "they match neither follow nor product_urls",
        "other_language": f"in another language than {languages or 'the start page'}",
        "too_deep": f"more than {settings.max_depth} links from the start",
        "trap": f"in listings longer than {settings.max_listing_pages:,} pages, or with a path that repeats itself",
        "nothing_new": "like others that brought nothing new",
        "action": "carts, logins and other actions for a visitor",
        "file": "images, documents and other files",
        "nofollow": "the shop asks crawlers not to follow these links",
        "other_host": "other hosts that pages link to, each counted once",
        "same_items": "listings in another order or layout",
        _STOPPED: one.detail or "the limit of pages is reached",
        OUTSIDE: "products that match no product_urls",
    }[one.reason]
    noun = "link" if one.reason in UNASKED else "page"
    pages = f"{one.pages:,} {noun}{'s' if one.pages > 1 else ''}"
    return f"{one.reason}: {pages} left out ({meaning}), such as {one.example}. To change that: {_setting(one)}."


def _setting(one: LeftOut) -> str:
    own = f"sources.{one.source}"
    return {
        "not_followed": f"{own}.follow",
        "other_language": f"{own}.languages",
        "too_deep": "crawl.max_depth",
        "trap": "crawl.max_listing_pages",
        "nothing_new": f"{own}.start, whose URLs are always requested",
        "nofollow": f"{own}.start, whose URLs are always requested",
        "other_host": f"{own}.start",
        **dict.fromkeys(("action", "file", "same_items"), f"{own}.follow"),
        _STOPPED: f"{own}.max_pages, or run again",
        OUTSIDE: f"{own}.product_urls",
    }[one.reason]
