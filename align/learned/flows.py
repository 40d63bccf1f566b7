"""Where the products of a category would stand in another shop."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from align.learned.portraits import Portraits
from align.learned.vectors import Floats

__all__ = ["flow"]

_TITLES_AT_ONCE = 2048


def flow(portraits: Portraits, some: Sequence[int], others: Sequence[int]) -> Floats:
    """Return the share of each node's titles whose nearest node of another shop is which, [some, others].

    Nearest is by the cosine of words weighted by rarity; a title as near to several nodes counts for each
    by equal parts, one near to none for none. Of two categories that hold the same goods, titles go from
    each to the other; of a broader and a narrower one, only from the narrower.

    Args:
        portraits: Of all nodes.
        some: Nodes of one shop.
        others: Nodes of another shop.
    """
    place = np.full(len(portraits.nodes), -1)
    place[list(some)] = np.arange(len(some))
    rows = np.flatnonzero(place[portraits.owner] >= 0)
    centres = csr_array(portraits.words[list(others)].T)
    found = np.zeros((len(some), len(others)))
    for start in range(0, len(rows), _TITLES_AT_ONCE):
        chosen = rows[start : start + _TITLES_AT_ONCE]
        near = (portraits.titles[chosen] @ centres).toarray()
        best = near.max(axis=1, keepdims=True, initial=0.0)
        nearest = (near >= best) & (best > 0)
        shares = nearest / np.maximum(nearest.sum(axis=1, keepdims=True), 1)
        np.add.at(found, place[portraits.owner[chosen]], shares)
    counts = np.bincount(place[portraits.owner[rows]], minlength=len(some))
    return np.asarray(found / np.maximum(counts, 1)[:, None])
