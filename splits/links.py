"""How products hang together: duplicate groups and judged pairs, as row numbers."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from splits.keys import Rows

__all__ = ["first_of_group", "pairs_of"]


def first_of_group(ids: pa.ChunkedArray, groups: pa.ChunkedArray) -> Rows:
    """Return the first row of each product's group; most groups are one product, named after itself."""
    shared = pc.unique(groups.filter(pc.not_equal(groups, ids)))
    codes = pc.fill_null(pc.index_in(groups, value_set=shared), -1).to_numpy().astype(np.int64)
    rows = np.arange(len(ids), dtype=np.int64)
    members = np.flatnonzero(codes >= 0)
    first = np.full(len(shared), len(ids), dtype=np.int64)
    np.minimum.at(first, codes[members], members)
    rows[members] = first[codes[members]]
    return rows


def pairs_of(ids: pa.ChunkedArray, matches: pa.Table) -> dict[str, tuple[Rows, Rows]]:
    """Return decision -> row numbers of its pairs, pairs with unknown products left out."""
    named = pc.unique(pa.chunked_array([*matches["query"].chunks, *matches["candidate"].chunks], pa.string()))
    rows = np.flatnonzero(pc.is_in(ids, value_set=named).to_numpy())
    known = ids.take(pa.array(rows))
    ends = [
        pc.fill_null(pc.index_in(matches[end], value_set=known.combine_chunks()), -1).to_numpy()
        for end in ("query", "candidate")
    ]
    found = (ends[0] >= 0) & (ends[1] >= 0) & (ends[0] != ends[1])
    pairs = {}
    for decision in ("matched", "mismatched", "undecided"):
        chosen = found & pc.equal(matches["decision"], decision).to_numpy()
        pairs[decision] = (rows[ends[0][chosen]], rows[ends[1][chosen]])
    return pairs
