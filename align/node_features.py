"""Feature vectors of nodes, each computed once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import fmean, median, pstdev
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from align.catalogue import Facts
from align.category import Category, Node, interleave_titles
from align.names import name_ngrams, name_words, singular
from align.term_matrices import Floats, bag, rarity, unit_rows
from core.segmentation import count_words

__all__ = ["TITLES", "NodeFeatures", "make_node_features"]

TITLES = 60
"""Maximum number of titles considered per node."""


@dataclass(frozen=True, slots=True)
class NodeFeatures:
    """Feature vectors of nodes; unless noted otherwise, rows of matrices are nodes and have length 1."""

    nodes: Sequence[Node]
    names: csr_array
    """Character n-grams of the name, weighted by rarity in all classes and in the node's class."""
    name_words: csr_array
    """Words of the name, weighted by rarity."""
    parents: csr_array
    """Character n-grams of the parents' names; empty for outermost nodes."""
    below: csr_array
    """Character n-grams of the names in the node and below; only the node's own name if there are no others."""
    below_count: NDArray[np.int64]
    """Number of names below, [nodes]."""
    title_count: NDArray[np.int64]
    """Number of titles that are considered, [nodes]."""
    words: csr_array
    """Words of titles, weighted by rarity."""
    plain: csr_array
    """Word counts of titles, as in the published rule."""
    titles: csr_array
    """Words of single titles, weighted by rarity, [titles, words]."""
    owner: NDArray[np.int64]
    """Node of each title, [titles]."""
    texts: Sequence[Sequence[str]]
    """The titles of each node."""
    properties: csr_array
    values: csr_array
    prices: Floats
    """Median and standard deviation of the logarithms of prices, [nodes, 2]; NaN without prices."""
    images: Sequence[frozenset[str]]
    meanings: csr_array
    """Vectors of the names from a network; empty without one."""

    def share_with_name(self, node: int, other: int) -> float:
        """Return the share of titles of one node that contain the name of another."""
        titles = self.texts[node]
        name = self.nodes[other].name
        return sum(name in title for title in titles) / max(len(titles), 1)


def make_node_features(
    nodes: Sequence[Node], classes: Sequence[str], titles: Mapping[Category, Sequence[str]], facts: Facts
) -> NodeFeatures:
    """Return the features of nodes.

    Args:
        nodes: Nodes of all sources.
        classes: Class of each node.
        titles: Titles of the products directly in each category.
        facts: Further facts about categories.
    """
    chosen = [interleave_titles(node, titles)[:TITLES] for node in nodes]
    owner = np.repeat(np.arange(len(nodes)), [len(some) for some in chosen])
    counted = _count([title for some in chosen for title in some])
    gather = csr_array((np.ones(len(owner)), (owner, np.arange(len(owner)))), shape=(len(nodes), len(owner)))
    sums = csr_array(gather @ counted)
    weight = rarity(sums)
    specs = [_specs(node, facts) for node in nodes]
    below = [_names(node) for node in nodes]
    return NodeFeatures(
        nodes=nodes,
        names=_weighted(bag(name_ngrams(node.name) for node in nodes), classes),
        name_words=_weighted(bag(Counter(name_words(node.name)) for node in nodes)),
        parents=_weighted(bag(_ngrams({c.path[-2] for c in node.own if node.depth > 1}) for node in nodes)),
        below=_weighted(bag(_ngrams(names) for names in below)),
        below_count=np.array([len(names) - 1 for names in below], dtype=np.int64),
        title_count=np.array([len(some) for some in chosen], dtype=np.int64),
        words=unit_rows(csr_array(sums.sqrt().multiply(weight[None, :]))),
        plain=unit_rows(sums),
        titles=unit_rows(csr_array((counted > 0).multiply(weight[None, :]))),
        owner=owner,
        texts=chosen,
        properties=_weighted(bag(_tally(spec, 0) for spec in specs)),
        values=_weighted(bag(_tally(spec, 1) for spec in specs)),
        prices=np.array([_prices(node, facts) for node in nodes]).reshape(-1, 2),
        images=[frozenset().union(*(facts.images.get(c, ()) for c in node.categories)) for node in nodes],
        meanings=_meanings(nodes, facts.meanings),
    )


def _meanings(nodes: Sequence[Node], vectors: Mapping[str, Floats]) -> csr_array:
    width = len(next(iter(vectors.values()), ()))
    rows = [vectors.get(node.name, np.zeros(width)) for node in nodes]
    return csr_array(np.array(rows, dtype=np.float64).reshape(len(nodes), width or 1) if width else (len(nodes), 1))


def _count(titles: Sequence[str]) -> csr_array:
    """Return the number of each word in titles, [titles, words]; a plural counts as its singular."""
    words: dict[str, int] = {}
    counted = bag((count_words(title, segment=True) for title in titles), words)
    stems = [singular(word.casefold()) for word in words]
    columns = {stem: place for place, stem in enumerate(dict.fromkeys(stems))}
    ones, places = np.ones(len(stems)), [columns[stem] for stem in stems]
    joined = csr_array((ones, (np.arange(len(stems)), places)), shape=(len(stems), len(columns)))
    return csr_array(counted @ joined)


def _weighted(counts: csr_array, classes: Sequence[str] | None = None) -> csr_array:
    """Return square roots of counts, weighted by rarity, also within classes if given, with rows of length 1."""
    weighted = csr_array(counts.sqrt().multiply(rarity(counts)[None, :]))
    if classes is not None:
        weighted.data *= _class_rarity(counts, np.unique(list(classes), return_inverse=True)[1])
    return unit_rows(weighted)


def _class_rarity(counts: csr_array, classes: NDArray[np.int64]) -> Floats:
    """Return the rarity of each entry's term in its class, 1 if only one node has it: shared terms distinguish less."""
    row, term = counts.tocoo().coords
    nodes = np.bincount(classes)[classes[row]]
    _, place, having = np.unique(
        classes[row].astype(np.int64) * counts.shape[1] + term, return_inverse=True, return_counts=True
    )
    return np.asarray(np.log1p(nodes / having[place]) / np.log1p(nodes), dtype=np.float64)


def _ngrams(names: Iterable[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name in names:
        found.update(name_ngrams(name))
    return found


def _names(node: Node) -> list[str]:
    return sorted({name for category in node.categories for name in category.path[node.depth - 1 :]})


def _specs(node: Node, facts: Facts) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for category in node.categories:
        found.update(facts.specs.get(category, {}))
    return found


def _tally(spec: Mapping[tuple[str, str], int], place: int) -> Counter[str]:
    """Return the number of occurrences of each property (0) or value (1), folded."""
    found: Counter[str] = Counter()
    for pair, times in spec.items():
        found[normalize("NFKC", pair[place]).casefold().strip()] += times
    return found


def _prices(node: Node, facts: Facts) -> tuple[float, float]:
    logs = [log(price) for c in node.categories for price in facts.prices.get(c, ()) if price > 0]
    return (median(logs), pstdev(logs, fmean(logs))) if logs else (float("nan"), float("nan"))
