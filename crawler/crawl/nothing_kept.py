"""Messages for a source of which nothing was kept: the shop's responses, counted, and what to do."""

import sqlite3

from crawler.crawl.frontier import UNASKED
from crawler.settings import SourceSettings

__all__ = ["explain_no_pages", "explain_no_products"]

_SHOWN = 3
"""Reasons in a message, the most frequent first."""
_DOWN = frozenset(
    {"bad_http", "connect", "dns", "http_429", "http_5xx", "reset", "source_down", "timeout", "truncated"}
)
_REFUSED = frozenset({"robots", "robots_delay", "opt_out", "http_402", "http_403"})
"""Reasons that are the shop's own word."""
_SETTINGS = {
    "not_followed": "follow",
    "other_language": "languages",
    "nothing_new": "start",
    "budget": "max_pages",
}
"""Reasons that are the source's settings -> the setting."""
_ANSWERS = f"""
SELECT coalesce(p.reason, r.stopped, 'pending') AS why, count(*) AS pages,
    min(CASE WHEN p.reason IS NULL AND r.detail != '' THEN r.detail ELSE p.url || ': ' || p.detail END) AS example
FROM source_pages p LEFT JOIN source_runs r USING (source)
WHERE p.source = ? AND p.state NOT IN ('done', 'absent', 'redirected')
    AND coalesce(p.reason, '') NOT IN ({", ".join(f"'{reason}'" for reason in UNASKED)})
GROUP BY 1 ORDER BY 2 DESC, 1
"""  # noqa: S608 - constants
_STORED = "SELECT 1 FROM source_pages WHERE source = ? AND page_sha256 IS NOT NULL AND kind = 'page' LIMIT 1"
_OUTCOMES = """
SELECT outcome, count(*), min(url) FROM source_pages
WHERE source = ? AND page_sha256 IS NOT NULL AND kind = 'page' AND vanished_at IS NULL AND outcome IS NOT NULL
GROUP BY 1 ORDER BY 2 DESC, 1
"""


def explain_no_pages(connection: sqlite3.Connection, name: str, source: SourceSettings) -> str | None:
    """Return why no page of a source is stored, and what to do; None if one is."""
    if connection.execute(_STORED, (name,)).fetchone():
        return None
    answers: list[tuple[str, int, str]] = connection.execute(_ANSWERS, (name,)).fetchall()
    if not answers:
        return f"source {name}: no page was kept; {source.start[0]} leads to none. Check sources.{name}.start."
    said = "; ".join(f"{why} {pages:,} ({example})" for why, pages, example in answers[:_SHOWN])
    return f"source {name}: no page was kept: {said}. {_advice(name, answers[0])}"


def _advice(name: str, answer: tuple[str, int, str]) -> str:
    why, _, example = answer
    if "private_address" in (why, *example.split(": ")):
        return f"If the shop runs on this machine or its network, set sources.{name}.local = true."
    if why in _DOWN or why in {"unreachable_robots", "bad_tls"}:
        return f"Check that sources.{name}.start is right and the shop is up, then run again."
    if why in _REFUSED:
        return "The shop does not admit this crawler there. Ask its owner to, or choose another start."
    if why in _SETTINGS:
        return f"Check sources.{name}.{_SETTINGS[why]}."
    return f"Check sources.{name}.start; m5data add-source URL proposes one."


def explain_no_products(connection: sqlite3.Connection, name: str, source: SourceSettings) -> str | None:
    """Return why no stored page of a source became a product, and what to do; None if none was expected."""
    outcomes: list[tuple[str, int, str]] = connection.execute(_OUTCOMES, (name,)).fetchall()
    kinds = {kind for kind, _, _ in outcomes}
    if "product" in kinds:
        return _unmatched(name, source)
    if not kinds - {"taken_down"}:
        return None
    said = "; ".join(f"{kind} {pages:,} ({url})" for kind, pages, url in outcomes[:_SHOWN])
    left_out = [one for one in connection.execute(_ANSWERS, (name,)) if one[0] in _REFUSED or one[0] in _SETTINGS]
    if left_out and left_out[0][1] >= sum(pages for _, pages, _ in outcomes):
        others = "; ".join(f"{why} {pages:,} ({example})" for why, pages, example in left_out[:_SHOWN])
        return (
            f"source {name}: no page shows a product: {said}. Most pages were left out: {others}. "
            f"{_advice(name, left_out[0])}"
        )
    return (
        f"source {name}: no page shows a product: {said}. Look at one with m5data parse; if its pages fill themselves "
        f"by script, set sources.{name}.browser = true, else give sources.{name}.page_object."
    )


def _unmatched(name: str, source: SourceSettings) -> str | None:
    if not source.product_urls:
        return None
    return (
        f"source {name}: pages show products, but none of their URLs matches product_urls "
        f"({', '.join(source.product_urls)}). Correct or remove sources.{name}.product_urls."
    )
