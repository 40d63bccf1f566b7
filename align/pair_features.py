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
_MIN_SHARE = 0.1
"""Minimum share of titles that go to the other node, within one class."""
_MIN_SHARE_ACROSS = 0.4
"""The same across two classes."""
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
"""Feature -> its description for reviewers, in column order."""
_TITLES_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class CandidatePairs:
    """Pairs of nodes of two shops that may be one label, or of which one may contain the other."""

    left: Places
    """Node of the alphabetically smaller source, [pairs]."""
    right: Places
    features: Floats
    """[pairs, features], in the order of ``FEATURES``."""
    forward: Floats
    """Share of titles of the left node that are nearest to the right node, [pairs]."""
    backward: Floats
    """The reverse share, [pairs]."""
    inside_other: NDArray[np.bool_]
    """Whether the right node contains the left node and another node of that shop, [pairs]."""
    contains_other: NDArray[np.bool_]
    """Whether the left node contains the right node and another node of that shop, [pairs]."""


def find_candidate_pairs(
    node_features: NodeFeatures, classes: Sequence[str], shops: Shops, reviewed: Iterable[Ends] = ()
) -> CandidatePairs:
    """Return the candidate pairs of two shops with their features.

    Within a class, candidates have similar names, or titles that are among the nearest or nearest to each other.
    Across classes the thresholds are higher. All other pairs are two labels.

    Args:
        node_features: Features of all nodes.
        classes: Class of each node.
        shops: Nodes of the shop with the smaller name, and of the other.
        reviewed: Further pairs, on which people decided.
    """
    shop_pair = _ShopPair(node_features, classes, shops)
    places = shop_pair.select(reviewed)
    i, j = places
    features = np.column_stack([shop_pair.column(name, i, j) for name in FEATURES])
    some, others = (np.array(nodes, dtype=np.int64) for nodes in shops)
    return CandidatePairs(
        some[i], others[j], features, shop_pair.forward[i, j], shop_pair.backward[i, j], *shop_pair.containment(i, j)
    )


class _ShopPair:
    """All pairs of two shops: cheap features as dense matrices [some, others], the others pair by pair."""

    def __init__(
        self, node_features: NodeFeatures, classes: Sequence[str], shops: tuple[Sequence[int], Sequence[int]]
    ) -> None:
        self._node_features = node_features
        self._some, self._others = (list(nodes) for nodes in shops)
        some, others = self._some, self._others
        self.names = _cosines(node_features.names, some, others)
        self.words = _cosines(node_features.words, some, others)
        self.forward = title_shares(node_features, some, others)
        self.backward = title_shares(node_features, others, some).T
        self.same_class = np.array([classes[i] for i in some])[:, None] == np.array([classes[j] for j in others])

    def select(self, reviewed: Iterable[Ends]) -> tuple[Places, Places]:
        """Return the indices of the candidate pairs, sorted."""
        shares = np.maximum(self.forward, self.backward)
        near = np.where(self.same_class, self.words, 0)
        within = (self.names >= _ALIKE_NAMES) | (shares >= _MIN_SHARE) | _top(near) | _top(near.T).T
        across = (np.minimum(self.forward, self.backward) >= _MIN_SHARE) | (shares >= _MIN_SHARE_ACROSS)
        wanted = np.where(self.same_class, within, across)
        row, column = ({node: place for place, node in enumerate(nodes)} for nodes in (self._some, self._others))
        for a, b in reviewed:
            if a in row and b in column:
                wanted[row[a], column[b]] = True
        i, j = np.nonzero(wanted)
        return i, j

    def containment(self, i: Places, j: Places) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return for each pair whether the right node contains the left node and a third one, and the reverse.

        A node contains others if most of their titles go to it, and a good part of its titles goes to each.
        """
        inside = (self.forward >= _MOSTLY) & (self.backward >= _A_PART)
        around = (self.backward >= _MOSTLY) & (self.forward >= _A_PART)
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
        return np.minimum(self.forward[i, j], self.backward[i, j])

    def _title_share_mean(self, i: Places, j: Places) -> Floats:
        return np.sqrt(self.forward[i, j] * self.backward[i, j])

    def _title_share_rival(self, i: Places, j: Places) -> Floats:
        # If titles of a third node go to the same node, that node is the broader one.
        return np.minimum(_lead_in_rows(self.forward.T, j, i), _lead_in_rows(self.backward, i, j))

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
    """Mark the few largest values of each row."""
    if matrix.shape[1] <= _NEAREST:
        return np.asarray(matrix > 0)
    bound = np.partition(matrix, -_NEAREST, axis=1)[:, -_NEAREST]
    return np.asarray((matrix >= bound[:, None]) & (matrix > 0))


def _lead(matrix: Floats, i: Places, j: Places) -> Floats:
    """Return the lead of each pair over the best other pair of its row or column, whichever is smaller."""
    return np.minimum(_lead_in_rows(matrix, i, j), _lead_in_rows(matrix.T, j, i))


def _lead_in_rows(matrix: Floats, i: Places, j: Places) -> Floats:
    if matrix.shape[1] < 2:
        return np.asarray(matrix[i, j])
    two = np.sort(np.partition(matrix, -2, axis=1)[:, -2:], axis=1)
    own = matrix[i, j]
    return np.asarray(own - np.where(own >= two[i, 1], two[i, 0], two[i, 1]))


def title_shares(node_features: NodeFeatures, some: Sequence[int], others: Sequence[int]) -> Floats:
    """Return the share of titles of each node that are nearest to each node of another shop, [some, others].

    Nearness is the cosine of words weighted by rarity. A title that is equally near to several nodes counts
    for each in equal parts, and one without any common word counts for none. Titles of two categories with
    the same products go both ways; with a broader and a narrower category, only those of the narrower one do.

    Args:
        node_features: Features of all nodes.
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
