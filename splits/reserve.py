"""The reserve: products that are kept out of training for ever.

A rule without a memory must hold a group out as soon as any member's hash says so, or a merge could
let a product out; a group of five would then be held out with probability 1 - .75^5 = .76 where .25
was meant, and the reserve would not be the catalogue in small. So decisions are remembered product
by product, and only what is new is drawn:

1. Products that duplicate groups and matches connect are one unit.
2. A product that was decided keeps its side for ever: what was held out is never trained on, and
   what was trained on is never judged on, whatever is added, merged, divided or removed later.
3. A new product is held out where its unit holds one that is. It is not where its unit holds other
   products that were decided. Otherwise the hash of its unit's smallest product id decides, so that
   units of every size are held out with the same probability.

Where a merge connects both sides, train loses its part (see ``splits.pools``). A product that is gone
stays remembered, should it come back.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from m5data.components import components
from splits.catalogue import first_of_group, pairs_of, sort_by_id
from splits.drawing import Flags, Rows, hash_ids

__all__ = ["RESERVE", "Decided", "Draw", "decide", "hold_out"]

RESERVE = pa.schema(
    [
        pa.field("group_id", pa.string(), nullable=False),
        pa.field("held_out", pa.bool_(), nullable=False),
        pa.field("since", pa.int32(), nullable=False),
    ]
)
"""One row per product, under the product's own id, which is that of the group it leads or would lead."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Parameters of the draw of new units."""

    share: float
    """Probability that a unit is held out; above 0, below 1."""
    salt: str
    """Makes the draw of one dataset independent of another's."""
    version: int
    """Dataset version that new decisions are recorded under."""


def hold_out(groups: pa.Table, matches: pa.Table, previous: pa.Table, draw: Draw) -> pa.Table:
    """Decide which products are held out.

    Args:
        groups: product_id and group_id of every product, dropped duplicates too.
        matches: Judged pairs, as in ``Catalogue.matches``.
        previous: The table ``reserve`` as the last run left it; empty the first time.
        draw: Share, salt and version.

    Returns:
        The new table ``reserve``, sorted by group_id, which joins with a product_id too.
    """
    groups = sort_by_id(groups.select(["product_id", "group_id"]), "product_id")
    previous = previous.select(RESERVE.names).cast(RESERVE)
    return sort_by_id(pa.concat_tables([previous, decide(groups, matches, previous, draw).fresh]), "group_id")


@dataclass(frozen=True, slots=True)
class Decided:
    """Sides of products."""

    held: Flags
    """Whether each product is held out."""
    fresh: pa.Table
    """Rows of ``reserve`` of those that were not decided before."""


def decide(groups: pa.Table, matches: pa.Table, previous: pa.Table, draw: Draw) -> Decided:
    """Decide which products are held out; arguments as for ``hold_out``, products sorted by id."""
    ids = groups["product_id"]
    places = pc.index_in(ids, value_set=previous["group_id"])
    known = pc.is_valid(places).to_numpy()
    was_held = pc.fill_null(previous["held_out"].take(places), fill_value=False).to_numpy()
    unit = _units(ids, groups["group_id"], matches)
    held = np.where(known, was_held, _decide(ids, unit, known, was_held, draw))
    new = pa.array(~known)
    fresh = ids.filter(new), pa.chunked_array([held[~known]])
    version = pa.repeat(pa.scalar(draw.version, pa.int32()), len(fresh[0]))
    return Decided(held, pa.table([*fresh, version], schema=RESERVE))


def _units(ids: pa.ChunkedArray, groups: pa.ChunkedArray, matches: pa.Table) -> Rows:
    """Return the first row of each product's unit."""
    first = first_of_group(ids, groups)
    left, right = pairs_of(ids, matches)["matched"]
    return components(len(ids), first[left], first[right])[first]


def _decide(ids: pa.ChunkedArray, unit: Rows, known: Flags, was_held: Flags, draw: Draw) -> Flags:
    """Return for each product whether it is held out if it is new."""
    any_held, any_known = np.zeros_like(known), np.zeros_like(known)
    any_held[unit[was_held]] = True
    any_known[unit[known]] = True
    leads = np.zeros_like(known)
    leads[unit] = True
    rows = np.flatnonzero(leads & ~any_known)  # the units that are drawn: few in a later run
    drawn = np.zeros_like(known)
    drawn[rows] = hash_ids(ids.take(pa.array(rows)), draw.salt) < np.uint64(int(draw.share * 2**64))
    return any_held[unit] | drawn[unit]
