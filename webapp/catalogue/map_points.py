"""The points of a selection on the map, coloured by a facet."""

from typing import Any

import duckdb

from storage.query import query_errors
from webapp.catalogue.explore import rounded, selected_rows
from webapp.catalogue.product_card import plain
from webapp.catalogue.sampling import in_sample
from webapp.catalogue.selection import LIST_FACETS, Selection, facet_columns

__all__ = ["COLOURS", "colourings", "map_points"]

COLOURS = 9
"""Values that get a colour of their own; the others share one."""
_LONGEST = 60


def colourings() -> tuple[str, ...]:
    """Return the facets that can colour the map: those of which a product has one value."""
    return tuple(name for name, column in facet_columns().items() if column not in {*LIST_FACETS.values(), "tags"})


def map_points(engine: duckdb.DuckDBPyConnection, selection: Selection, colour: str) -> dict[str, Any]:
    """Return the selection's products on the map.

    Args:
        engine: A connection to a catalogue's index with its map.
        selection: What is shown.
        colour: One of ``colourings``; anything else: the first.

    Returns:
        ``count``: products of the selection, ``estimated`` or not; ``values``: the commonest values of the facet with
        their counts on the map; ``points``: x, y, number of the value (that of the last + 1: another) and product of
        each point.
    """
    names = colourings()
    column = facet_columns()[colour if colour in names else names[0]]
    with query_errors(), in_sample(engine) as step, selected_rows(engine, selection) as every:
        count = engine.execute(f"SELECT count(*) {every(None)}").fetchall()[0][0]
        engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE shown AS SELECT x, y, coalesce({column}, '') AS value, product_id
            FROM points JOIN catalogue USING (n) WHERE n IN (SELECT n {every(None)})"""  # noqa: S608 - quoted
        )
    counted = engine.execute("SELECT value, count(*) FROM shown GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
    place = {value: number for number, (value, _) in enumerate(counted[:COLOURS])}
    rows = engine.execute("SELECT x, y, value, product_id FROM shown ORDER BY product_id").fetchall()
    engine.execute("DROP TABLE shown")
    return {
        "count": rounded(count, step),
        "estimated": step > 1,
        "values": [[plain(value, _LONGEST), times] for value, times in counted[:COLOURS]],
        "others": sum(times for _, times in counted[COLOURS:]),
        "points": [[x, y, place.get(value, COLOURS), product] for x, y, value, product in rows],
    }
