"""Aggregation methods agree with crowd-kit on synthetic crowds."""

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from annotate import aggregate
from annotate.aggregation.dawid_skene import NO_PRIOR, WEAK_PRIOR, dawid_skene
from annotate.aggregation.encoding import Gold, encode
from annotate.aggregation.fit import choose_labels
from annotate.settings import Method
from tests.annotate.crowds import five_by_five, synthetic_crowd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from crowdkit.aggregation import GLAD, DawidSkene, MajorityVote


def reference(
    judgements: pa.Table, model: DawidSkene | GLAD | MajorityVote, gold: "pd.Series[int] | None" = None
) -> NDArray[np.float64]:
    """Return the posteriors by task and label, both sorted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # crowd-kit warns with this version of pandas
        if isinstance(model, DawidSkene):
            model.fit(judgements.to_pandas(), gold)
        else:
            model.fit(judgements.to_pandas())
    found = pd.DataFrame(model.probas_)
    values: NDArray[np.float64] = found.sort_index().sort_index(axis=1).to_numpy()
    return values


def ours(judgements: pa.Table, method: Method) -> NDArray[np.float64]:
    posteriors = aggregate(judgements, method).posteriors
    labels = len(posteriors["label"].unique())
    values: NDArray[np.float64] = posteriors["posterior"].to_numpy().reshape(-1, labels)
    return values


def without_prior(judgements: pa.Table, gold: Gold | None = None) -> NDArray[np.float64]:
    """Return the posteriors of Dawid and Skene's model as the paper and crowd-kit have it."""
    return dawid_skene(encode(judgements, gold), NO_PRIOR).posteriors.T


@pytest.mark.parametrize("labels", [2, 4])
def test_dawid_skene_has_the_posteriors_of_crowd_kit(labels: int) -> None:
    judgements, _ = synthetic_crowd(tasks=60, workers=10, each=5, seed=1, labels=labels)
    wanted = reference(judgements, DawidSkene(n_iter=40, tol=-np.inf))
    assert np.abs(without_prior(judgements) - wanted).max() < 1e-4


def test_dawid_skene_with_gold_has_the_posteriors_of_crowd_kit_with_gold() -> None:
    judgements, truth = synthetic_crowd(tasks=60, workers=10, each=5, seed=1)
    gold: Gold = {task: 1 - truth[task] for task in range(6)}
    found = without_prior(judgements, gold)
    wanted = reference(judgements, DawidSkene(n_iter=40, tol=-np.inf), pd.Series(gold))
    assert np.abs(found - wanted).max() < 1e-4


@pytest.mark.parametrize("labels", [2, 3])
def test_glad_has_the_posteriors_of_crowd_kit(labels: int) -> None:
    judgements, _ = synthetic_crowd(tasks=20, workers=8, each=5, seed=2, labels=labels)
    model = GLAD(n_iter=14, tol=-np.inf, m_step_tol=1e-4)
    assert np.abs(ours(judgements, "glad") - reference(judgements, model)).max() < 1e-3


def test_majority_has_the_posteriors_of_crowd_kit() -> None:
    assert ours(five_by_five(), "majority").tolist() == reference(five_by_five(), MajorityVote()).tolist()


def few_answers(seed: int) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Return 80 tasks, a fifth of them positive, with 4 answers each of 12 workers, of whom three guess."""
    random = np.random.default_rng(seed)
    truth = random.random(80) < 0.2
    right = np.where(np.arange(12) < 3, 0.5, 0.85)
    asked = random.random((80, 12)).argsort(axis=1)[:, :4]
    rows = [(task, int(w), int(truth[task] == (random.random() < right[w]))) for task in range(80) for w in asked[task]]
    return pa.table(dict(zip(("task", "worker", "label"), zip(*rows, strict=True), strict=True))), truth


def test_the_prior_helps_where_workers_gave_few_answers() -> None:
    accuracy = np.zeros(2)
    for judgements, truth in map(few_answers, range(12)):
        encoded = encode(judgements)
        for place, prior in enumerate((NO_PRIOR, WEAK_PRIOR)):
            accuracy[place] += (choose_labels(dawid_skene(encoded, prior).posteriors) == truth).mean() / 12
    assert accuracy[1] > accuracy[0] + 0.01
