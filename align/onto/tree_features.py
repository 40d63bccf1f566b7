"""Features of a category and a node of a tree; a greater value always means more alike."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from align.names import fold_name, opposed, qualifiers
from align.onto.node_texts import Ends
from align.pair_features import Places
from align.similarity import label_similarity
from align.term_matrices import Floats

__all__ = ["TREE_FEATURES", "Lessons", "Shares", "pair_features", "structure"]

_AT_ONCE = 50_000
_MIN = 0.01
"""Probabilities below this do not count for the categories above and below."""

TREE_FEATURES: Mapping[str, str] = {
    "equal": "equal names",
    "name": "names, S_label",
    "name_ngrams": "names, rare characters counting more",
    "name_words": "words of the names, rare ones counting more",
    "path": "words of the paths",
    "prefix": "equal names from the top down",
    "parents": "names above both",
    "above": "the node's name among the names above, the nearer the more",
    "covered": "words of the node's name that the path states",
    "covers": "words of the category's name that the node, its path or its children state",
    "below": "names in and below both",
    "titles": "words of titles in the node, its path, definition and attributes",
    "properties": "specification properties and the node's attributes",
    "values": "specification values and the node's attribute values",
    "meaning": "names, by the network of the setting embeddings",
    "qualifiers": "the same restrictions (men, children, parts, …) in both names",
    "unopposed": "no restrictions that exclude each other",
    "taught": "a person mapped a category with similar names and titles to this node",
    "inherits": "the category above belongs to this node",
    "under": "the category above belongs to this node or one above it",
    "holds": "the categories below belong to this node or nodes in it",
}
"""Feature -> its description for reviewers, in column order."""
_STRUCTURE = 3
"""Number of features that depend on the probabilities of other categories: the last ones."""


def pair_features(ends: Ends, left: Places, right: Places, lessons: "Lessons | None" = None) -> Floats:
    """Return the features of candidate pairs, those of the structure missing, [pairs, features]; NaN: no such fact."""
    plain = list(TREE_FEATURES)[: -_STRUCTURE - 1]
    columns = [_column(ends, left, right + ends.count, name) for name in plain]
    taught = lessons.likeness(left, right) if lessons else np.full(len(left), np.nan)
    return np.column_stack([*columns, taught, np.full((len(left), _STRUCTURE), np.nan)])


def _column(ends: Ends, left: Places, right: Places, name: str) -> Floats:
    return _PLAIN[name](ends, left, right) if name in _PLAIN else _cosine(ends, left, right, name)


def _cosine(ends: Ends, left: Places, right: Places, name: str) -> Floats:
    found = ends.features
    matrix = {
        "name_ngrams": found.names,
        "name_words": found.name_words,
        "path": ends.path_words,
        "parents": found.parents,
        "below": found.below,
        "titles": found.words,
        "properties": found.properties,
        "values": found.values,
        "meaning": found.meanings,
    }[name]
    known = np.diff(matrix.indptr) > 0
    alike = _products(matrix, matrix, left, right)
    # A node has few words, titles have many: the root keeps one common word from counting as nothing.
    return np.where(known[left] & known[right], np.sqrt(alike) if name == "titles" else alike, np.nan)


def _products(matrix: csr_array, other: csr_array, left: Places, right: Places) -> Floats:
    """Return the inner product of a row of one matrix and a row of the other for each pair."""
    found = [np.zeros(0)]
    for start in range(0, len(left), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        found.append(np.asarray(matrix[left[some]].multiply(other[right[some]]).sum(axis=1)).ravel())
    return np.concatenate(found)


def _names(ends: Ends, left: Places, right: Places) -> Iterator[tuple[str, str]]:
    nodes = ends.features.nodes
    yield from ((nodes[a].name, nodes[b].name) for a, b in zip(left.tolist(), right.tolist(), strict=True))


def _equal(ends: Ends, left: Places, right: Places) -> Floats:
    return np.array([fold_name(a) == fold_name(b) for a, b in _names(ends, left, right)], dtype=np.float64)


def _name(ends: Ends, left: Places, right: Places) -> Floats:
    return np.array([label_similarity(fold_name(a), fold_name(b)) for a, b in _names(ends, left, right)])


def _prefix(ends: Ends, left: Places, right: Places) -> Floats:
    paths = [tuple(map(fold_name, node.own[0].path)) for node in ends.features.nodes]
    found = np.zeros(len(left))
    for row, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        shared = 0
        for one, other in zip(paths[a], paths[b], strict=False):
            if one != other:
                break
            shared += 1
        found[row] = 2 * shared / (len(paths[a]) + len(paths[b]))
    return found


def _above(ends: Ends, left: Places, right: Places) -> Floats:
    paths = [[fold_name(name) for name in reversed(node.own[0].path)] for node in ends.features.nodes]
    up = [{name: 1 / (1 + levels) for levels, name in reversed(list(enumerate(path)))} for path in paths]
    return np.array([up[a].get(paths[b][0], 0.0) for a, b in zip(left.tolist(), right.tolist(), strict=True)])


def _covered(ends: Ends, left: Places, right: Places) -> Floats:
    return _share(ends, right, left)


def _covers(ends: Ends, left: Places, right: Places) -> Floats:
    return _share(ends, left, right)


def _share(ends: Ends, own: Places, known: Places) -> Floats:
    """Return the share of the words of own names that the paths of the other ends state, by weight."""
    total = np.asarray(ends.own_words.sum(axis=1)).ravel()
    stated = _products(ends.own_words, ends.known_words, own, known)
    return np.where(total[own] > 0, stated / np.where(total > 0, total, 1)[own], np.nan)


def _qualifiers(ends: Ends, left: Places, right: Places) -> Floats:
    return np.array([qualifiers(a) == qualifiers(b) for a, b in _names(ends, left, right)], dtype=np.float64)


def _unopposed(ends: Ends, left: Places, right: Places) -> Floats:
    return np.array([not opposed(a, b) for a, b in _names(ends, left, right)], dtype=np.float64)


_PLAIN: Mapping[str, Callable[[Ends, Places, Places], Floats]] = {
    "equal": _equal,
    "name": _name,
    "prefix": _prefix,
    "above": _above,
    "covered": _covered,
    "covers": _covers,
    "qualifiers": _qualifiers,
    "unopposed": _unopposed,
}


@dataclass(frozen=True, slots=True)
class Lessons:
    """Likeness of every category to the categories that people mapped to each node; it is computed once."""

    nodes: Places
    """Nodes that people chose, sorted."""
    near: Floats
    """Greatest likeness to a category that was mapped to the node, not to itself, [categories, nodes]."""

    @classmethod
    def of(cls, ends: Ends, reviewed: Mapping[int, int]) -> "Lessons":
        """Return the lessons of some reviews; ``reviewed``: row of a category -> index of its node."""
        nodes = np.unique(np.array(list(reviewed.values()), dtype=np.int64))
        near = np.zeros((ends.count, len(nodes)))
        matrices = ends.path_words, ends.features.name_words, ends.features.words
        for matrix in matrices:
            own = matrix[: ends.count]
            for place, node in enumerate(nodes.tolist()):
                rows = np.array([category for category, chosen in reviewed.items() if chosen == node], dtype=np.int64)
                alike = (own @ csr_array(own[rows].T)).toarray()
                alike[rows, np.arange(len(rows))] = 0
                near[:, place] += alike.max(axis=1) / len(matrices)
        return cls(nodes, near)

    def likeness(self, left: Places, right: Places) -> Floats:
        """Return the likeness for each pair, 0 for nodes that nobody chose."""
        place = np.searchsorted(self.nodes, right)
        place[place == len(self.nodes)] = 0
        return np.where(self.nodes[place] == right, self.near[left, place], 0.0)

    def nearest(self, count: int) -> Iterator[tuple[int, int]]:
        """Yield each category with the nodes to which the likest categories were mapped."""
        for place in np.argsort(-self.near, axis=1, kind="stable")[:, :count].T:
            for row in np.flatnonzero(self.near[np.arange(len(place)), place] > 0).tolist():
                yield row, int(self.nodes[place[row]])


@dataclass(frozen=True, slots=True)
class Shares:
    """Candidate pairs with their probabilities."""

    left: Places
    right: Places
    chances: Floats


def structure(ends: Ends, found: Shares) -> Floats:
    """Return the features that depend on the categories above and below, [pairs, 3]; NaN where there is none."""
    shape = ends.count, len(ends.tree.nodes)
    kept = found.chances >= _MIN
    chances = csr_array((found.chances[kept], (found.left[kept], found.right[kept])), shape=shape)
    parent = ends.parent[: ends.count]
    child = np.flatnonzero(parent >= 0)
    up = csr_array((np.ones(len(child)), (child, parent[child])), shape=(ends.count, ends.count))
    siblings = np.bincount(parent[child], minlength=ends.count)
    down = csr_array(up.T.multiply((1 / np.maximum(siblings, 1))[:, None]))
    of_parent = csr_array(up @ chances)
    of_children = csr_array(csr_array(down @ chances) @ ends.inside)
    inherits = _entries(of_parent, found)
    under = _products(of_parent, csr_array(ends.inside), found.left, found.right)
    holds = _entries(of_children, found)
    outermost, lowest = parent[found.left] < 0, siblings[found.left] == 0
    columns = np.column_stack([inherits, under, holds])
    columns[outermost, :2] = np.nan
    columns[lowest, 2] = np.nan
    return columns


def _entries(matrix: csr_array, found: Shares) -> Floats:
    return np.asarray(matrix[found.left, found.right], dtype=np.float64).ravel() if len(found.left) else np.zeros(0)
