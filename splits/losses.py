"""What no split could use, and why: the price of not leaking."""

from dataclasses import dataclass

import duckdb

from splits.recipe import UNUSED, Recipe

__all__ = ["Loss", "find_losses"]


@dataclass(frozen=True, slots=True)
class Loss:
    """Products of ``unused`` that one rule kept out."""

    reason: str
    meaning: str
    products: int
    examples: tuple[str, ...]
    """The first three product ids."""


def find_losses(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> tuple[Loss, ...]:
    """Count the products of ``unused`` by the first rule that kept them out, in this order.

    Args:
        connection: With the tables of ``splits.evidence``.
        recipe: Says what is separated.
    """
    separate = recipe.separate
    rules = {
        "group": (
            "not held out, but in a duplicate group with what is",
            "NOT held_out AND group_id IN (SELECT group_id FROM fact WHERE held_out)",
        ),
        "match": ("not held out, but judged the same as what is", "NOT held_out AND tied"),
        "merchant": (
            f"its merchant has products on both sides, and {separate.yields} yields",
            "merchant IN (SELECT merchant FROM fact WHERE usable GROUP BY merchant "
            "HAVING bool_or(held_out) AND NOT bool_and(held_out))"
            if separate.merchant
            else "false",
        ),
        "time": (
            "first seen on the other side of the cut",
            f"held_out = (first_seen < TIMESTAMPTZ '{separate.time.isoformat()}')" if separate.time else "false",
        ),
        "size": ("left over when the splits had their sizes", "true"),
    }
    cases = " ".join(f"WHEN {rule} THEN '{reason}'" for reason, (_, rule) in rules.items())
    query = f"""
        SELECT reason, count(*), list_sort(min(product_id, 3))
        FROM (SELECT product_id, CASE {cases} END AS reason FROM entry WHERE split = '{UNUSED}')
        GROUP BY reason
    """  # noqa: S608
    found = {reason: (count, examples) for reason, count, examples in connection.sql(query).fetchall()}
    return tuple(
        Loss(reason, meaning, found[reason][0], tuple(found[reason][1]))
        for reason, (meaning, _) in rules.items()
        if reason in found
    )
