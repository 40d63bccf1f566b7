"""SQL of what products may be used for, over the table ``usage_rights``."""

from m5data.usage import PURPOSES, Purpose

__all__ = ["REFUSALS_SQL", "purposes_sql", "refused_sql"]

_REFUSED = ", ".join(f"bool_or({purpose} = 'refused') AS {purpose}" for purpose in PURPOSES)
REFUSALS_SQL = f"SELECT product_id, {_REFUSED} FROM usage_rights WHERE until IS NULL GROUP BY product_id"  # noqa: S608
"""Query of the products with a present signal: purpose -> whether one refuses it."""


def purposes_sql(refusals: str) -> str:
    """Return the list of the purposes that no present signal refuses.

    Args:
        refusals: Alias of ``REFUSALS_SQL``, joined so that products without a signal have NULL.
    """
    each = ", ".join(f"CASE WHEN coalesce({refusals}.{one}, false) THEN NULL ELSE '{one}' END" for one in PURPOSES)
    return f"list_filter([{each}], lambda one: one IS NOT NULL)"


def refused_sql(purpose: Purpose) -> str:
    """Return the query of the present signals that refuse a purpose."""
    return f"SELECT product_id, signal, place, served FROM usage_rights WHERE until IS NULL AND {purpose} = 'refused'"  # noqa: S608
