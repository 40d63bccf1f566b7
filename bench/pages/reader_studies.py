"""Gain of the page reader from more shops and each kind of place: ``bench.pages.reader --curve, --ablation``.

Both evaluate on held-out shops, on pages without markup.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import mean, pstdev

import numpy as np

from reader.learning.fit import fit
from reader.learning.labelled import SYNTHETIC_SHOPS, Example, evidence_key
from reader.learning.teach import Prediction, f1_by_field, folds, predict, predict_left_out, shop_groups
from reader.model import FIELDS

__all__ = ["ablation", "learning_curve"]

_SIZES = (5, 10, 20, 30)
_SEEDS = 3
_STATEMENTS = ("page", "availability")
_VOCABULARIES = ("own_ids", "part_numbers", "gtins", "brands", "makers")
_KINDS: Mapping[str, tuple[str, ...]] = {
    "state in scripts and attributes": ("at:state", "at:script"),
    "labels in the text": tuple(f"label:{name}" for name in _VOCABULARIES),
    "HTML nodes": ("at:html",),
    "URL, shop, language": ("at:url", "at:shop", "at:language"),
}
"""Kind of place -> evidence that marks its places."""


def learning_curve(examples: Sequence[Example], scored: frozenset[str]) -> None:
    """Print F1 on held-out shops against the number of shops learned from, with its spread over three draws.

    Args:
        examples: Examples of shops, single pages and lessons.
        scored: Shops that are sampled and scored; lessons are always learned from, other pages are not used.
    """
    groups = shop_groups(examples)
    bare = [one for one in examples if not one.markup]
    shops = sorted(scored)
    for count in (*_SIZES, len(shops)):
        runs: dict[str, list[float]] = defaultdict(list)
        for seed in range(_SEEDS if count < len(shops) else 1):
            for field, f1 in _mean(_taught_by(bare, groups, shops, count, seed)).items():
                runs[field].append(f1)
        figures = (f"{field} {mean(values):.3f}±{pstdev(values):.3f}" for field, values in runs.items())
        print(f"{count:3} shops  " + "  ".join(figures), flush=True)


def _taught_by(
    examples: Sequence[Example], groups: Mapping[str, str], shops: Sequence[str], count: int, seed: int
) -> list[Prediction]:
    predictions = []
    for part in folds(groups):
        rest = [shop for shop in shops if shop not in part]
        taught = set(random.Random(seed).sample(rest, min(count, len(rest))))
        for field in FIELDS:
            ours = [one for one in examples if one.field == field]
            table = fit([one for one in ours if one.shop in taught or one.shop.startswith(SYNTHETIC_SHOPS)], groups)
            predictions += [predict(one, table) for one in ours if one.shop in part and one.shop in shops]
    return predictions


def ablation(examples: Sequence[Example], scored: frozenset[str]) -> None:
    """Print F1 on held-out shops without each kind of place."""
    groups = shop_groups(examples)
    bare = [one for one in examples if not one.markup and one.field not in _STATEMENTS]
    for name, pieces in {"nothing": (), **_KINDS}.items():
        left = [_without(one, frozenset(map(evidence_key, pieces))) for one in bare]
        predictions = []
        for field in FIELDS:
            scores = predict_left_out([one for one in left if one.field == field], groups)
            predictions += [predict(one, table) for one, table in scores if one.shop in scored]
        figures = (f"{field} {f1:.3f}" for field, f1 in _mean(predictions).items())
        print(f"without {name:32} " + "  ".join(figures), flush=True)


def _without(example: Example, pieces: frozenset[int]) -> Example:
    """Return an example without the places that have a piece of evidence, and without candidates found only there."""
    gone = np.array(sorted(pieces), dtype=np.int64)
    kept = [place for place, keys in enumerate(example.evidence) if not np.isin(gone, keys).any()]
    owners = example.owners[kept]
    ours = sorted(set(owners.tolist()))
    return replace(
        example,
        evidence=tuple(example.evidence[place] for place in kept),
        owners=np.searchsorted(ours, owners).astype(np.int64),
        right=example.right[ours],
        answers=tuple(example.answers[owner] for owner in ours),
    )


def _mean(predictions: Iterable[Prediction]) -> dict[str, float]:
    figures = f1_by_field(list(predictions), markup=False)
    return {field: mean(shops.values()) for field, shops in figures.items() if shops}
