"""Features of pairs of nodes for the learned rule; a greater value always means more alike."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from align.category import Node
from align.names import fold_name, is_generic, opposed, qualifiers
from align.node_features import NodeFeatures
from align.similarity import label_similarity, similar_labels
from align.term_matrices import Floats

__all__ = ["EVIDENCE_TEXTS", "FEATURES", "CandidatePairs", "Places", "find_candidate_pairs", "title_shares"]

Ends = tuple[int, int]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]
Shops = tuple[Sequence[int], Sequence[int]]

_ALIKE_NAMES = 0.5
_NEAREST = 5
"""Number of nearest nodes by names, by titles and by both that are candidates, within the class and across classes."""
_ENOUGH = 5
"""Number of titles, or of names below, that count as much as the node's name; more count up to twice as much."""
_MANY = 10
"""Minimum titles of both nodes for one to be recognised as containing the other."""
_MOSTLY = 0.5
_A_PART = 0.15
_ROWS_AT_ONCE = 512
_TITLES_AT_ONCE = 2048

FEATURES: Mapping[str, str] = {
    "equal": "equal names",
    "name": "names, S_label",
    "name_ngrams": "names, rare characters counting more",
    "name_words": "words of the names, rare ones counting more",
    "meaning": "names, by the network of the setting embeddings",
    "qualifiers": "the same restrictions (men, children, parts, …) in both names",
    "parents": "names above both",
    "below": "names in and below both",
    "content": "titles, S_content",
    "words": "titles, rare words counting more",
    "title_share": "titles of the one that are nearest to the other, both shares",
    "named": "titles that hold the other's name",
    "properties": "specification properties",
    "values": "specification values",
    "price": "prices",
    "images": "images in both",
    "class": "the same first-level class",
    "mean": "mean of the similarities of names, of names below and of titles, the more the more there are",
    "whole": "neither holds the other beside another one of its shop",
    "unopposed": "no restrictions that exclude each other (men and women, the rest and the whole)",
}
"""Feature -> its description for reviewers, in column order."""

EVIDENCE_TEXTS: Mapping[str, str] = {
    **FEATURES,
    "first_holds": "the first holds the other and another one of its shop",
    "second_holds": "the second holds the other and another one of its shop",
}
"""Texts of a pair's evidence lines; a signed number may precede them, and a colon and a value may follow."""


@dataclass(frozen=True, slots=True)
class CandidatePairs:
    """Pairs of nodes of two shops that may be one label, or of which one may contain the other."""

    left: Places
    """Node of the alphabetically smaller source, [pairs]."""
    right: Places
    features: Floats
    """[pairs, features], in the order of ``FEATURES``; NaN where a fact is missing on one side."""
    forward: Floats
    """Share of titles of the left node that are nearest to the right node, [pairs]."""
    backward: Floats
    """The reverse share, [pairs]."""
    inside_other: Flags
    """Whether the right node contains the left node and another node of that shop, [pairs]."""
    contains_other: Flags
    """Whether the left node contains the right node and another node of that shop, [pairs]."""


def find_candidate_pairs(
    node_features: NodeFeatures, classes: Sequence[str], shops: Shops, reviewed: Iterable[Ends] = ()
) -> CandidatePairs:
    """Return the candidate pairs of two shops with their features.

    Candidates have similar names, or one is among the other's nearest by names, by titles or by both, in all
    classes or within its class. All other pairs are two labels.

    Args:
        node_features: Features of all nodes.
        classes: Class of each node.
        shops: Nodes of the shop with the smaller name, and of the other.
        reviewed: Further pairs, on which people decided.
    """
    some, others = (np.array(nodes, dtype=np.int64) for nodes in shops)
    class_numbers = np.unique(list(classes), return_inverse=True)[1]
    forward = title_shares(node_features, some, others)
    backward = csr_array(title_shares(node_features, others, some).T)
    left, right = _select(node_features, class_numbers, some, others, reviewed)
    row, column = _places(some, len(class_numbers))[left], _places(others, len(class_numbers))[right]
    shares = _entries(forward, row, column), _entries(backward, row, column)
    enough = np.minimum(node_features.title_count[left], node_features.title_count[right]) >= _MANY
    inside, around = _containment(row, column, *(np.where(enough, share, 0) for share in shares))
    table = _FeatureTable(node_features, left, right, class_numbers, shares, inside == around)
    features = np.column_stack([table.column(name) for name in FEATURES])
    return CandidatePairs(left, right, features, *shares, inside, around)


def _select(
    found: NodeFeatures, classes: Places, some: Places, others: Places, reviewed: Iterable[Ends]
) -> tuple[Places, Places]:
    """Return the ends of the candidate pairs, sorted."""
    names, other_names = ([fold_name(found.nodes[place].name) for place in side] for side in (some, others))
    alike = ((int(some[i]), int(others[j])) for i, j, _ in similar_labels(names, other_names, _ALIKE_NAMES))
    near = _nearest(found, classes, some, others)
    far = ((a, b) for b, a in _nearest(found, classes, others, some))
    known = set(some.tolist()), set(others.tolist())
    asked = ((a, b) for a, b in reviewed if a in known[0] and b in known[1])
    pairs = sorted({*alike, *near, *far, *asked})
    return np.array([a for a, _ in pairs], dtype=np.int64), np.array([b for _, b in pairs], dtype=np.int64)


def _nearest(found: NodeFeatures, classes: Places, some: Places, others: Places) -> Iterator[Ends]:
    """Yield for each node of one shop the nearest nodes of the other, block by block."""
    every_matrix = found.names, found.below, found.words, found.meanings
    matrices = [(matrix, csr_array(matrix[others].T)) for matrix in every_matrix]
    for start in range(0, len(some), _ROWS_AT_ONCE):
        rows = some[start : start + _ROWS_AT_ONCE]
        name, below, words, meaning = ((matrix[rows] @ columns).toarray() for matrix, columns in matrices)
        same = classes[rows][:, None] == classes[others][None, :]
        every = name + below + words + meaning
        for matrix in (name, words, meaning, every, np.where(same, every, 0)):
            i, j = np.nonzero(_top(matrix))
            yield from zip(rows[i].tolist(), others[j].tolist(), strict=True)


def _top(matrix: Floats) -> Flags:
    """Mark the few largest values of each row."""
    if matrix.shape[1] <= _NEAREST:
        return np.asarray(matrix > 0)
    bound = np.partition(matrix, -_NEAREST, axis=1)[:, -_NEAREST]
    return np.asarray((matrix >= bound[:, None]) & (matrix > 0))


def _places(nodes: Places, count: int) -> Places:
    """Return node -> its index among the given nodes, [count]."""
    place: Places = np.zeros(count, dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    return place


def _entries(matrix: csr_array, row: Places, column: Places) -> Floats:
    return np.asarray(matrix[row, column], dtype=np.float64).ravel() if len(row) else np.zeros(0)


def _containment(row: Places, column: Places, forward: Floats, backward: Floats) -> tuple[Flags, Flags]:
    """Return for each pair whether the right node contains the left node and a third one, and the reverse.

    A node contains others if most of their titles are nearest to it, and a good part of its titles to each of them.
    """
    inside = (forward >= _MOSTLY) & (backward >= _A_PART)
    around = (backward >= _MOSTLY) & (forward >= _A_PART)
    in_column = np.bincount(column, weights=inside, minlength=1)
    in_row = np.bincount(row, weights=around, minlength=1)
    return inside & (in_column[column] > 1), around & (in_row[row] > 1)


@dataclass(frozen=True, slots=True)
class _FeatureTable:
    """The candidate pairs of two shops, feature by feature."""

    nodes: NodeFeatures
    left: Places
    right: Places
    classes: Places
    shares: tuple[Floats, Floats]
    whole: Flags

    def column(self, name: str) -> Floats:
        """Return one feature of all pairs."""
        return np.asarray(getattr(self, f"_{name}")(), dtype=np.float64)

    def _equal(self) -> list[bool]:
        nodes = self.nodes.nodes
        return [_equal_names(nodes[a], nodes[b]) for a, b in self._ends()]

    def _name(self) -> list[float]:
        return [label_similarity(fold_name(a), fold_name(b)) for a, b in self._names()]

    def _name_ngrams(self) -> Floats:
        return self._cosines(self.nodes.names)

    def _name_words(self) -> Floats:
        return self._cosines(self.nodes.name_words)

    def _meaning(self) -> Floats:
        return self._where(_filled(self.nodes.meanings), self._cosines(self.nodes.meanings))

    def _qualifiers(self) -> list[float]:
        return [float(qualifiers(a) == qualifiers(b)) for a, b in self._names()]

    def _parents(self) -> Floats:
        return self._where(_filled(self.nodes.parents), self._cosines(self.nodes.parents))

    def _below(self) -> Floats:
        return self._where(self.nodes.below_count > 0, self._cosines(self.nodes.below))

    def _content(self) -> Floats:
        return self._where(self._titled(), self._cosines(self.nodes.plain))

    def _words(self) -> Floats:
        """Return the cosines that many titles would have, by Spearman's correction: few titles share few words."""
        reliability = self.nodes.title_count / (self.nodes.title_count + _ENOUGH)
        most = np.sqrt(reliability[self.left] * reliability[self.right])
        cosines = self._cosines(self.nodes.words)
        return self._where(self._titled(), np.minimum(cosines / np.where(most > 0, most, 1), 1))

    def _title_share(self) -> Floats:
        return self._where(self._titled(), np.sqrt(self.shares[0] * self.shares[1]))

    def _named(self) -> Floats:
        share = self.nodes.share_with_name
        named = [(share(a, b) + share(b, a)) / 2 for a, b in self._ends()]
        return self._where(self._titled(), np.array(named))

    def _properties(self) -> Floats:
        return self._where(_filled(self.nodes.properties), self._cosines(self.nodes.properties))

    def _values(self) -> Floats:
        return self._where(_filled(self.nodes.values), self._cosines(self.nodes.values))

    def _price(self) -> Floats:
        one, other = self.nodes.prices[self.left], self.nodes.prices[self.right]
        spread = np.maximum(np.hypot(one[:, 1], other[:, 1]), 0.1)
        return np.asarray(np.exp(-np.abs(one[:, 0] - other[:, 0]) / spread))

    def _images(self) -> list[float]:
        sets = ((self.nodes.images[a], self.nodes.images[b]) for a, b in self._ends())
        return [len(one & other) / min(len(one), len(other)) if one and other else np.nan for one, other in sets]

    def _class(self) -> Flags:
        return np.asarray(self.classes[self.left] == self.classes[self.right])

    def _mean(self) -> Floats:
        titles = (2 * np.sqrt(self._words()) + self._title_share()) / 3
        parts = [self._name_ngrams(), self._meaning(), self._below(), titles]
        columns = np.array(parts, dtype=np.float64).reshape(len(parts), -1)
        one = np.ones(len(self.left))
        weights = np.array([one, one, self._weight(self.nodes.below_count), self._weight(self.nodes.title_count)])
        weights[np.isnan(columns)] = 0
        return np.asarray((np.nan_to_num(columns) * weights).sum(axis=0) / weights.sum(axis=0))

    def _weight(self, count: Places) -> Floats:
        fewer = np.minimum(count[self.left], count[self.right])
        return np.asarray(2 * fewer / (fewer + _ENOUGH))

    def _whole(self) -> Flags:
        return self.whole

    def _unopposed(self) -> list[bool]:
        return [not opposed(a, b) for a, b in self._names()]

    def _titled(self) -> Flags:
        return _filled(self.nodes.words)

    def _where(self, known: Flags, values: Floats) -> Floats:
        """Return the values, NaN for pairs in which a node lacks the fact."""
        return np.where(known[self.left] & known[self.right], values, np.nan)

    def _cosines(self, rows: csr_array) -> Floats:
        products = rows[self.left].multiply(rows[self.right]).sum(axis=1)
        return np.minimum(np.asarray(products, dtype=np.float64).ravel(), 1)

    def _ends(self) -> Iterator[Ends]:
        yield from zip(self.left.tolist(), self.right.tolist(), strict=True)

    def _names(self) -> Iterator[tuple[str, str]]:
        yield from ((self.nodes.nodes[a].name, self.nodes.nodes[b].name) for a, b in self._ends())


def _equal_names(a: Node, b: Node) -> bool:
    """Return whether two folded names are equal; names that say nothing (配件, Other) also need similar parents."""
    names = [fold_name(node.name).replace(" ", "") for node in (a, b)]
    if names[0] != names[1] or not is_generic(a.name):
        return names[0] == names[1]
    return label_similarity(*(fold_name(above) for above in (a.within, b.within))) >= _ALIKE_NAMES


def _filled(matrix: csr_array) -> Flags:
    return np.asarray(np.diff(matrix.indptr) > 0)


def title_shares(node_features: NodeFeatures, some: Places, others: Places) -> csr_array:
    """Return the share of titles of each node that are nearest to each node of another shop, [some, others].

    Nearness is the cosine of words weighted by rarity. A title that is equally near to several nodes counts
    for each in equal parts, and one without any common word counts for none. If two categories have the same
    products, most titles of each are nearest to the other; if one is broader, only those of the narrower one are.

    Args:
        node_features: Features of all nodes.
        some: Nodes of one shop.
        others: Nodes of another shop.
    """
    count = len(node_features.nodes)
    place, member = _places(some, count), np.zeros(count, dtype=np.bool_)
    member[some] = True
    rows = np.flatnonzero(member[node_features.owner])
    centres = csr_array(node_features.words[others].T)
    found = [
        _nearest_nodes(node_features, rows[at : at + _TITLES_AT_ONCE], centres)
        for at in range(0, len(rows), _TITLES_AT_ONCE)
    ]
    owners, columns, shares = (np.concatenate(parts) for parts in (zip(*found, strict=True) if found else ([[]],) * 3))
    counts = np.maximum(np.bincount(place[node_features.owner[rows]], minlength=len(some)), 1)
    owners = place[owners.astype(np.int64)]
    entries = coo_array((shares / counts[owners], (owners, columns.astype(np.int64))), shape=(len(some), len(others)))
    return csr_array(entries)


def _nearest_nodes(node_features: NodeFeatures, titles: Places, centres: csr_array) -> tuple[Places, Places, Floats]:
    """Return owner, node and share of each nearest node of the given titles."""
    near = (node_features.titles[titles] @ centres).toarray()
    best = near.max(axis=1, keepdims=True, initial=0.0)
    nearest = (near >= best) & (best > 0)
    row, column = np.nonzero(nearest)
    return node_features.owner[titles][row], column, 1 / nearest.sum(axis=1)[row]
