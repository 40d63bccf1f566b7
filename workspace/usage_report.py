"""Report on usage rights: signals of sources over time, and products that an export for a purpose may contain."""

from collections.abc import Collection
from typing import Any

from core.engine import text
from core.usage import PURPOSES, Purpose
from storage import Snapshot
from storage.views import refused_sql

__all__ = ["allowances", "signals"]

_VERDICTS = ", ".join(PURPOSES)
_SIGNALS = f"""
SELECT split_part(product_id, ':', 1) AS source, signal, place, served, {_VERDICTS},
    min(since) AS since, max(until) AS until, count(DISTINCT product_id) AS products
FROM usage_rights GROUP BY 1, 2, 3, 4, {_VERDICTS}, until IS NULL
ORDER BY source, until IS NULL, min(since), signal, place, served
"""  # noqa: S608 - constants


def signals(snapshot: Snapshot, source: str | None = None) -> list[dict[str, Any]]:
    """Return one row for each signal of a source, earlier ones first; ``until`` is NULL while it is served.

    Args:
        snapshot: The dataset version.
        source: Only this source; None: all.
    """
    rows: list[dict[str, Any]] = snapshot.sql(_SIGNALS).to_pylist()
    return [row for row in rows if source in (None, row["source"])]


def allowances(snapshot: Snapshot, purpose: Purpose, forbidden: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return for each source how many products an export for a purpose may contain.

    ``allowed``: a signal allows it. ``not_said``: no signal says anything, so the permission to crawl counts.
    ``refused``: a signal refuses it, or the permission was withdrawn; ``by`` names the signals with their products.

    Args:
        snapshot: The dataset version.
        purpose: The purpose.
        forbidden: Sources that may no longer be crawled.
    """
    sources = ", ".join(text(name) for name in sorted(forbidden)) or "NULL"
    query = f"""
        WITH refusals AS (
            {refused_sql(purpose)}
            UNION ALL SELECT product_id, 'source', 'm5data.toml', '' FROM products WHERE source IN ({sources})
        ),
        counted AS (SELECT product_id, list(DISTINCT signal) AS kinds FROM refusals GROUP BY 1),
        allowed AS (SELECT DISTINCT product_id FROM usage_rights WHERE until IS NULL AND {purpose} = 'allowed'),
        judged AS (
            SELECT p.source, c.kinds, c.product_id IS NOT NULL AS refused, a.product_id IS NOT NULL AS allowed
            FROM products p LEFT JOIN counted c USING (product_id) LEFT JOIN allowed a USING (product_id)
        ),
        named AS (
            SELECT source, string_agg(kind || ' ' || n, ', ' ORDER BY kind) AS "by" FROM (
                SELECT source, kind, count(*) AS n FROM (SELECT source, unnest(kinds) AS kind FROM judged) GROUP BY ALL
            ) GROUP BY source
        )
        SELECT source, count(*) AS products, count(*) FILTER (NOT refused AND allowed) AS allowed,
            count(*) FILTER (NOT refused AND NOT allowed) AS not_said, count(*) FILTER (refused) AS refused,
            any_value(coalesce("by", '')) AS "by"
        FROM judged LEFT JOIN named USING (source) GROUP BY source ORDER BY source
    """  # noqa: S608 - quoted
    rows: list[dict[str, Any]] = snapshot.sql(query).to_pylist()
    return rows
