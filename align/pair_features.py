"""Features of pairs of nodes for the learned rule; a greater value always means more alike."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from align.node_features import Floats, NodeFeatures
from align.similarity import label_similarity

__all__ = ["FEATURES", "CandidatePairs", "find_candidate_pairs", "title_shares"]

Ends = tuple[int, int]
Places = NDArray[np.int64]
Shops = tuple[Sequence[int], Sequence[int]]

_ALIKE_NAMES = 0.3
_NEAREST = 4
_SEEN = 0.1
"""Share of titles that go to the other of two nodes of one class."""
_ACROSS = 0.4
"""The same, of two classes."""
_MOSTLY = 0.5
_A_PART = 0.15

FEATURES: Mapping[str, str] = {
    "name": "names, S_label",
    "name_ngrams": "names, rare characters counting more",
    "name_rival": "names, compared with the next best of either shop",
    "path": "names in and below both",
    "content": "titles, S_content",
    "words": "titles, rare words counting more",
    "words_rival": "titles, compared with the next best of either shop",
    "title_share": "titles of the one that are nearest to the other, the lesser share",
    "title_share_rival": "titles that go to the other, compared with those that go there from the same shop's "
    "next shelf",
    "title_share_mean": "titles of the one that are nearest to the other, both shares",
    "named": "titles that hold the other's name",
    "properties": "specification properties",
    "values": "specification values",
    "price": "prices",
    "images": "images in both",
    "class": "the same first-level class",
}
"""Feature -> what a person reads, in the order of columns."""
_TITLES_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class CandidatePairs:
    """Pairs of nodes of two shops that may be one label, or one in the other."""

    left: Places
    """Node, [pairs]; its source is the alphabetically smaller."""
    right: Places
    features: Floats
    """[pairs, features], in the order of ``FEATURES``."""
    there: Floats
    """Share of the left node's titles that are nearest to the right one, [pairs]."""
    back: Floats
    """The reverse, [pairs]."""
    held: NDArray[np.bool_]
    """Whether the right node holds the left one and another of its shop, [pairs]."""
    holds: NDArray[np.bool_]
    """Whether the left node holds the right one and another of its shop, [pairs]."""


def find_candidate_pairs(
    node_features: NodeFeatures, classes: Sequence[str], shops: Shops, also: Iterable[Ends] = ()
) -> CandidatePairs:
    """Return the pairs of two shops that are worth a look, with their features.

    Worth a look is, within a class, a pair whose names are alike, or whose titles are among the nearest, or go
    to each other; across classes only what stands out. All other pairs are two labels.

    Args:
        node_features: Of all nodes.
        classes: Class of each node.
        shops: Nodes of the shop of the smaller name, and of the other.
        also: Further pairs, which people decided on.
    """
    alike = _ShopPair(node_features, classes, shops)
    places = alike.chosen(also)
    i, j = places
    features = np.column_stack([alike.column(name, i, j) for name in FEATURES])
    some, others = (np.array(nodes, dtype=np.int64) for nodes in shops)
    return CandidatePairs(some[i], others[j], features, alike.there[i, j], alike.back[i, j], *alike.holdings(i, j))


class _ShopPair:
    """All pairs of two shops: dense matrices, [some, others], of what is cheap; the rest pair by pair."""

    def __init__(
        self, node_features: NodeFeatures, classes: Sequence[str], shops: tuple[Sequence[int], Sequence[int]]
    ) -> None:
        self._node_features = node_features
        self._some, self._others = (list(nodes) for nodes in shops)
        some, others = self._some, self._others
        self.names = _cosines(node_features.names, some, others)
        self.words = _cosines(node_features.words, some, others)
        self.there = title_shares(node_features, some, others)
        self.back = title_shares(node_features, others, some).T
        self.same_class = np.array([classes[i] for i in some])[:, None] == np.array([classes[j] for j in others])

    def chosen(self, also: Iterable[Ends]) -> tuple[Places, Places]:
        """Return the places of the pairs worth a look, sorted."""
        flows = np.maximum(self.there, self.back)
        near = np.where(self.same_class, self.words, 0)
        within = (self.names >= _ALIKE_NAMES) | (flows >= _SEEN) | _top(near) | _top(near.T).T
        across = (np.minimum(self.there, self.back) >= _SEEN) | (flows >= _ACROSS)
        wanted = np.where(self.same_class, within, across)
        row, column = ({node: place for place, node in enumerate(nodes)} for nodes in (self._some, self._others))
        for a, b in also:
            if a in row and b in column:
                wanted[row[a], column[b]] = True
        i, j = np.nonzero(wanted)
        return i, j

    def holdings(self, i: Places, j: Places) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return of each pair whether the right node holds the left one and a third, and the reverse.

        A node holds others where most of their titles go to it, and of its own a good part to each.
        """
        inside = (self.there >= _MOSTLY) & (self.back >= _A_PART)
        around = (self.back >= _MOSTLY) & (self.there >= _A_PART)
        return inside[i, j] & (inside.sum(axis=0)[j] > 1), around[i, j] & (around.sum(axis=1)[i] > 1)

    def column(self, name: str, i: Places, j: Places) -> Floats:
        """Return one feature of pairs."""
        return np.asarray(getattr(self, f"_{name}")(i, j), dtype=np.float64)

    def _name(self, i: Places, j: Places) -> list[float]:
        nodes = self._node_features.nodes
        return [label_similarity(nodes[self._some[a]].name, nodes[self._others[b]].name) for a, b in _zip(i, j)]

    def _name_ngrams(self, i: Places, j: Places) -> Floats:
        return np.asarray(self.names[i, j])

    def _name_rival(self, i: Places, j: Places) -> Floats:
        return _lead(np.where(self.same_class, self.names, 0), i, j)

    def _path(self, i: Places, j: Places) -> Floats:
        return self._rows("paths", i, j)

    def _content(self, i: Places, j: Places) -> Floats:
        return self._rows("plain", i, j)

    def _words(self, i: Places, j: Places) -> Floats:
        return np.asarray(self.words[i, j])

    def _words_rival(self, i: Places, j: Places) -> Floats:
        return _lead(self.words, i, j)

    def _title_share(self, i: Places, j: Places) -> Floats:
        return np.minimum(self.there[i, j], self.back[i, j])

    def _title_share_mean(self, i: Places, j: Places) -> Floats:
        return np.sqrt(self.there[i, j] * self.back[i, j])

    def _title_share_rival(self, i: Places, j: Places) -> Floats:
        # Where a third node's titles go to the same node, that one is the broader.
        return np.minimum(_lead_in_rows(self.there.T, j, i), _lead_in_rows(self.back, i, j))

    def _named(self, i: Places, j: Places) -> list[float]:
        share = self._node_features.share_with_name
        return [(share(a, b) + share(b, a)) / 2 for a, b in self._nodes(i, j)]

    def _properties(self, i: Places, j: Places) -> Floats:
        return self._rows("properties", i, j)

    def _values(self, i: Places, j: Places) -> Floats:
        return self._rows("values", i, j)

    def _price(self, i: Places, j: Places) -> Floats:
        one, other = (self._node_features.prices[nodes] for nodes in self._ends(i, j))
        spread = np.maximum(np.hypot(one[:, 1], other[:, 1]), 0.1)
        return np.nan_to_num(np.exp(-np.abs(one[:, 0] - other[:, 0]) / spread))

    def _images(self, i: Places, j: Places) -> list[float]:
        images = self._node_features.images
        pairs = ((images[a], images[b]) for a, b in self._nodes(i, j))
        return [len(one & other) / min(len(one), len(other)) if one and other else 0.0 for one, other in pairs]

    def _class(self, i: Places, j: Places) -> Floats:
        return np.asarray(self.same_class[i, j], dtype=np.float64)

    def _ends(self, i: Places, j: Places) -> tuple[Places, Places]:
        return np.array(self._some)[i], np.array(self._others)[j]

    def _nodes(self, i: Places, j: Places) -> Iterator[Ends]:
        return _zip(*self._ends(i, j))

    def _rows(self, matrix: str, i: Places, j: Places) -> Floats:
        """Return the cosines of pairs of rows."""
        rows, (one, other) = getattr(self._node_features, matrix), self._ends(i, j)
        return np.asarray(rows[one].multiply(rows[other]).sum(axis=1), dtype=np.float64).ravel()


def _zip(i: Places, j: Places) -> Iterator[Ends]:
    yield from zip(i.tolist(), j.tolist(), strict=True)


def _cosines(rows: csr_array, some: Sequence[int], others: Sequence[int]) -> Floats:
    return np.asarray((rows[some] @ rows[others].T).toarray())


def _top(matrix: Floats) -> NDArray[np.bool_]:
    """Mark the nearest few of each row."""
    if matrix.shape[1] <= _NEAREST:
        return np.asarray(matrix > 0)
    bound = np.partition(matrix, -_NEAREST, axis=1)[:, -_NEAREST]
    return np.asarray((matrix >= bound[:, None]) & (matrix > 0))


def _lead(matrix: Floats, i: Places, j: Places) -> Floats:
    """Return by how much each pair leads the best other pair of its row and of its column, the lesser lead."""
    return np.minimum(_lead_in_rows(matrix, i, j), _lead_in_rows(matrix.T, j, i))


def _lead_in_rows(matrix: Floats, i: Places, j: Places) -> Floats:
    if matrix.shape[1] < 2:
        return np.asarray(matrix[i, j])
    two = np.sort(np.partition(matrix, -2, axis=1)[:, -2:], axis=1)
    own = matrix[i, j]
    return np.asarray(own - np.where(own >= two[i, 1], two[i, 0], two[i, 1]))


def title_shares(node_features: NodeFeatures, some: Sequence[int], others: Sequence[int]) -> Floats:
    """Return the share of each node's titles whose nearest node of another shop is which, [some, others].

    Nearest is by the cosine of words weighted by rarity; a title as near to several nodes counts for each
    by equal parts, one near to none for none. Of two categories that hold the same goods, titles go from
    each to the other; of a broader and a narrower one, only from the narrower.

    Args:
        node_features: Of all nodes.
        some: Nodes of one shop.
        others: Nodes of another shop.
    """
    place = np.full(len(node_features.nodes), -1)
    place[list(some)] = np.arange(len(some))
    rows = np.flatnonzero(place[node_features.owner] >= 0)
    centres = csr_array(node_features.words[list(others)].T)
    found = np.zeros((len(some), len(others)))
    for start in range(0, len(rows), _TITLES_AT_ONCE):
        chosen = rows[start : start + _TITLES_AT_ONCE]
        near = (node_features.titles[chosen] @ centres).toarray()
        best = near.max(axis=1, keepdims=True, initial=0.0)
        nearest = (near >= best) & (best > 0)
        shares = nearest / np.maximum(nearest.sum(axis=1, keepdims=True), 1)
        np.add.at(found, place[node_features.owner[chosen]], shares)
    counts = np.bincount(place[node_features.owner[rows]], minlength=len(some))
    return np.asarray(found / np.maximum(counts, 1)[:, None])
