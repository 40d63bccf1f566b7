"""Aggregation methods agree with crowd-kit on synthetic crowds."""

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from annotate import aggregate
from annotate.aggregation.encoding import Gold
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


def ours(judgements: pa.Table, method: Method, gold: Gold | None = None) -> NDArray[np.float64]:
    posteriors = aggregate(judgements, method, gold).posteriors
    labels = len(posteriors["label"].unique())
    values: NDArray[np.float64] = posteriors["posterior"].to_numpy().reshape(-1, labels)
    return values


@pytest.mark.parametrize("labels", [2, 4])
def test_dawid_skene_has_the_posteriors_of_crowd_kit(labels: int) -> None:
    judgements, _ = synthetic_crowd(tasks=60, workers=10, each=5, seed=1, labels=labels)
    assert (
        np.abs(ours(judgements, "dawid-skene") - reference(judgements, DawidSkene(n_iter=40, tol=-np.inf))).max() < 1e-4
    )


def test_dawid_skene_with_gold_has_the_posteriors_of_crowd_kit_with_gold() -> None:
    judgements, truth = synthetic_crowd(tasks=60, workers=10, each=5, seed=1)
    gold: Gold = {task: 1 - truth[task] for task in range(6)}
    found = ours(judgements, "dawid-skene", gold)
    wanted = reference(judgements, DawidSkene(n_iter=40, tol=-np.inf), pd.Series(gold))
    assert np.abs(found - wanted).max() < 1e-4


@pytest.mark.parametrize("labels", [2, 3])
def test_glad_has_the_posteriors_of_crowd_kit(labels: int) -> None:
    judgements, _ = synthetic_crowd(tasks=20, workers=8, each=5, seed=2, labels=labels)
    model = GLAD(n_iter=14, tol=-np.inf, m_step_tol=1e-4)
    assert np.abs(ours(judgements, "glad") - reference(judgements, model)).max() < 1e-3


def test_majority_has_the_posteriors_of_crowd_kit() -> None:
    assert ours(five_by_five(), "majority").tolist() == reference(five_by_five(), MajorityVote()).tolist()
