"""Proposals for the first-level mapping, for people to decide on."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations, groupby
from math import isnan

from align.catalogue import NO_FACTS, read_titles
from align.category import Category, with_ancestors
from align.classes import make_classes
from align.node_features import make_node_features
from align.pair_features import FEATURES, find_candidate_pairs
from core.engine import open_engine
from storage import Snapshot

__all__ = ["Proposal", "propose_first_level", "propose_for_workspace"]

_CHARACTERS = 4_000
_PRODUCTS = 100_000
"""Approximate number of products whose titles are read."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two outermost categories of different sources that may be one class."""

    a: tuple[str, str]
    """Source and name, of the alphabetically smaller source."""
    b: tuple[str, str]
    """Source and name."""
    s_label: float
    s_content: float
    """Similarity of the titles of their products, from word counts; 0 without titles."""
    similarity: float
    """Mean of the similarities of names, of names below and of titles."""
    entry: tuple[str, str]
    """Key and value for ``align.first_level`` that would make them one class."""


def propose_first_level(
    categories: Iterable[Category],
    titles: Mapping[Category, Sequence[str]],
    mapping: Mapping[str, str],
    each: int = 3,
) -> list[Proposal]:
    """Return pairs of outermost categories that a mapping could join, best first.

    The two are of different sources and classes, and at least one is alone in its class. They are ranked by
    their names, the names below and their titles together, because names differ much at this level
    (家用电器, 电器城). The paper aligned this level by hand; proposals are never applied automatically.

    Args:
        categories: Valid categories.
        titles: Titles of the products directly in each.
        mapping: The mapping so far.
        each: Maximum number of proposals for one category.
    """
    classes = make_classes(with_ancestors(categories), mapping)
    alone = {found[0].key for found in classes.values() if len(found) == 1}
    if not alone:
        return []
    class_of = {node.key: name for name, found in classes.items() for node in found}
    nodes = sorted((node for found in classes.values() for node in found), key=lambda node: node.key)
    one_class = [""] * len(nodes)
    node_features = make_node_features(nodes, one_class, titles, NO_FACTS)
    shops = [list(places) for _, places in groupby(range(len(nodes)), key=lambda place: nodes[place].source)]
    columns = [list(FEATURES).index(name) for name in ("name", "content", "mean")]
    found = []
    for two in combinations(shops, 2):
        pairs = find_candidate_pairs(node_features, one_class, two)
        scores = pairs.features[:, columns].tolist()
        for i, j, (label, content, mean) in zip(pairs.left.tolist(), pairs.right.tolist(), scores, strict=True):
            a, b = nodes[i].key, nodes[j].key
            if class_of[a] == class_of[b] or not {a, b} & alone:
                continue
            moved, stays = (b, a) if b in alone else (a, b)
            entry = f"{moved[0]}:{moved[1]}", class_of[stays]
            found.append(Proposal(a[:2], b[:2], label, 0.0 if isnan(content) else content, mean, entry))
    return _best(sorted(found, key=lambda one: (-one.similarity, one.a, one.b)), each)


def _best(ranked: Iterable[Proposal], each: int) -> list[Proposal]:
    """Keep the first few proposals of each category."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for proposal in ranked:
        if max(seen[proposal.a], seen[proposal.b]) < each:
            kept.append(proposal)
            seen.update((proposal.a, proposal.b))
    return kept


def propose_for_workspace(snapshot: Snapshot, *, titles: bool = True) -> list[Proposal]:
    """Return the best proposal for each first-level category that the last alignment left alone.

    Args:
        snapshot: Dataset version; there are no proposals before the first alignment.
        titles: Whether to compare titles of some of the products too, or only names.
    """
    if "label_map" not in snapshot.tables:
        return []
    rows = snapshot.table("label_map", ("source", "category", "class_name")).to_pylist()
    categories = [Category(row["source"], tuple(row["category"])) for row in rows]
    mapping = {
        f"{source}:{path[0]}": row["class_name"]
        for (source, path), row in zip(categories, rows, strict=True)
        if len(path) == 1
    }
    found: Mapping[Category, Sequence[str]] = {}
    if titles and any(len(nodes) == 1 for nodes in make_classes(with_ancestors(categories), mapping).values()):
        found = _some_titles(snapshot, categories)
    return propose_first_level(categories, found, mapping, each=1)


def _some_titles(snapshot: Snapshot, categories: Collection[Category]) -> Mapping[Category, Sequence[str]]:
    """Return titles of the products in the first buckets, as many as hold enough products."""
    buckets, products = [], 0
    for bucket, files in snapshot.by_partition("products").items():
        if products < _PRODUCTS:
            buckets.append(bucket)
            products += sum(file.rows for file in files)
    with closing(open_engine()) as engine:
        for table in ("products", "duplicates"):
            engine.execute(snapshot.view(table, table, only=buckets))
        return read_titles(engine, _CHARACTERS, categories)
