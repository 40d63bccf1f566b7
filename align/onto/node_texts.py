"""The categories of shops and the nodes of a tree side by side, with the features of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from align.catalogue import Facts
from align.category import Category, Node
from align.names import name_words
from align.node_features import NodeFeatures, make_node_features
from align.onto.target_tree import TargetNode, TargetTree
from align.pair_features import Places
from align.term_matrices import bag, rarity, unit_rows

__all__ = ["Ends", "make_ends"]

_PER_LEVEL = 0.6
"""Factor of the weight of a name's words for each level above the category."""
_VALUES = 40
"""Values of an attribute whose words count."""
_DEFINITION = 400
"""Characters of a definition whose words count."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Categories and tree nodes with their features; rows of matrices are the categories, then the tree nodes."""

    features: NodeFeatures
    categories: Sequence[Category]
    tree: TargetTree
    parent: Places
    """Row of the parent of each category and node, in the same numbering; -1 for an outermost one."""
    path_words: csr_array
    """Words of all names of the path, weighted by rarity and nearness, rows of length 1."""
    own_words: csr_array
    """Words of the own name, weighted by rarity, not scaled."""
    known_words: csr_array
    """1 for each word of the path; of a tree node also of the names below."""
    inside: csr_array
    """1 where the column's node is the row's node or an ancestor of it, [tree nodes, tree nodes]."""

    @property
    def count(self) -> int:
        """Number of categories; tree nodes have the rows from here on."""
        return len(self.categories)


def make_ends(
    categories: Sequence[Category], titles: Mapping[Category, Sequence[str]], facts: Facts, tree: TargetTree
) -> Ends:
    """Return the categories and the nodes of a tree with their features.

    Args:
        categories: Categories of all shops with their ancestors, sorted.
        titles: Titles of the products directly in each category.
        facts: Specifications of the categories.
        tree: Published tree.
    """
    listed = [Category(tree.name, node.path) for node in tree.nodes]
    every = [*categories, *listed]
    below = _with_descendants(every)
    nodes = [Node(one.source, one.path[-1], tuple(below[one]), len(one.path)) for one in every]
    texts = {**titles, **{one: [_text(node)] for one, node in zip(listed, tree.nodes, strict=True)}}
    specs = {**facts.specs, **{one: _specs(node) for one, node in zip(listed, tree.nodes, strict=True)}}
    known = Facts(specs, {}, {}, facts.meanings)
    row = {one: place for place, one in enumerate(every)}
    parent = np.array([row.get(Category(one.source, one.path[:-1]), -1) for one in every], dtype=np.int64)
    columns: dict[str, int] = {}
    own = bag((dict.fromkeys(name_words(one.path[-1]), 1.0) for one in every), columns)
    paths = bag((_path_words(one.path) for one in every), columns)
    own.resize((len(every), len(columns)))
    weight = rarity(csr_array(paths > 0))
    return Ends(
        features=make_node_features(nodes, [""] * len(nodes), texts, known),
        categories=categories,
        tree=tree,
        parent=parent,
        path_words=unit_rows(csr_array(paths.multiply(weight[None, :]))),
        own_words=csr_array(own.multiply(weight[None, :])),
        known_words=_known_words(paths, own, parent, len(categories)),
        inside=_inside(parent[len(categories) :] - len(categories)),
    )


def _with_descendants(every: Iterable[Category]) -> dict[Category, list[Category]]:
    found: dict[Category, list[Category]] = {}
    for one in every:
        for depth in range(1, len(one.path) + 1):
            found.setdefault(Category(one.source, one.path[:depth]), []).append(one)
    return found


def _text(node: TargetNode) -> str:
    return " ".join((*node.path, node.definition[:_DEFINITION], *node.attributes))


def _specs(node: TargetNode) -> dict[tuple[str, str], int]:
    return {(name, value): 1 for name, values in node.attributes.items() for value in (values[:_VALUES] or ("",))}


def _path_words(path: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for up, name in enumerate(reversed(path)):
        for word in name_words(name):
            found.setdefault(word, _PER_LEVEL**up)
    return found


def _known_words(paths: csr_array, own: csr_array, parent: Places, count: int) -> csr_array:
    """Return 1 for the words of each path, and for those of the children of tree nodes."""
    child = np.flatnonzero((parent >= 0) & (np.arange(len(parent)) >= count))
    gather = csr_array((np.ones(len(child)), (parent[child], child)), shape=(len(parent), len(parent)))
    return csr_array(((paths + gather @ own) > 0).astype(np.float64))


def _inside(parent: Places) -> csr_array:
    rows, columns = [np.arange(len(parent))], [np.arange(len(parent))]
    at, row = parent.copy(), np.arange(len(parent))
    while len(row):
        kept = at >= 0
        row, at = row[kept], at[kept]
        rows.append(row)
        columns.append(at)
        at = parent[at]
    ends = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.ones(len(ends[0])), ends), shape=(len(parent), len(parent)))
