"""Results of the iterative methods satisfy their equations, written out plainly."""

import math

import pyarrow as pa
import pytest

from annotate import aggregate
from annotate.aggregation.dawid_skene import WEAK_PRIOR
from annotate.settings import Method
from tests.annotate.crowds import five_by_five, synthetic_crowd

Posteriors = dict[tuple[int, int], float]


def posteriors_of(judgements: pa.Table, method: Method, gold: dict[int, int]) -> Posteriors:
    rows = aggregate(judgements, method, gold).posteriors.to_pylist()
    return {(row["task"], row["label"]): row["posterior"] for row in rows}


def dawid_skene_step(judgements: pa.Table, posteriors: Posteriors, gold: dict[int, int]) -> Posteriors:
    """Return the posteriors after one M-step and one E-step."""
    rows = judgements.to_pylist()
    tasks, labels = sorted({t for t, _ in posteriors}), sorted({c for _, c in posteriors})
    right, wrong = WEAK_PRIOR.right, WEAK_PRIOR.wrong
    workers = {row["worker"] for row in rows}
    errors = {(w, k, c): right if k == c else wrong for w in workers for k in labels for c in labels}
    total = {(w, c): right + (len(labels) - 1) * wrong for w in workers for c in labels}
    for row in rows:
        for c in labels:
            errors[row["worker"], row["label"], c] += posteriors[row["task"], c]
            total[row["worker"], c] += posteriors[row["task"], c]
    likelihood = {(t, c): sum(posteriors[u, c] for u in tasks) / len(tasks) for t in tasks for c in labels}
    for row in rows:
        for c in labels:
            likelihood[row["task"], c] *= errors[row["worker"], row["label"], c] / total[row["worker"], c]
    scale = {t: sum(likelihood[t, c] for c in labels) for t in tasks}
    return {(t, c): float(gold[t] == c) if t in gold else p / scale[t] for (t, c), p in likelihood.items()}


@pytest.mark.parametrize("gold", [{}, {3: 1, 5: 0}])
def test_dawid_skene_ends_where_an_em_step_changes_nothing(gold: dict[int, int]) -> None:
    judgements, _ = synthetic_crowd(tasks=40, workers=8, each=5, seed=3, labels=3)
    found = posteriors_of(judgements, "dawid-skene", gold)
    assert dawid_skene_step(judgements, found, gold) == pytest.approx(found, abs=1e-4)


def test_the_ability_in_dawid_skene_is_the_probability_of_a_right_answer() -> None:
    judgements, _ = synthetic_crowd(tasks=40, workers=3, each=3, seed=6)
    found, p = aggregate(judgements, "dawid-skene"), posteriors_of(judgements, "dawid-skene", {})
    said = {(row["task"], row["worker"]): row["label"] for row in judgements.to_pylist()}
    prior = {c: sum(p[t, c] for t in range(40)) / 40 for c in (0, 1)}
    for row in found.workers.to_pylist():
        seen = {c: sum(p[t, c] for t in range(40) if said[t, row["worker"]] == c) for c in (0, 1)}
        first, both = WEAK_PRIOR.right, WEAK_PRIOR.right + WEAK_PRIOR.wrong
        right = sum(prior[c] * (seen[c] + first) / (40 * prior[c] + both) for c in (0, 1))
        assert row["ability"] == pytest.approx(right, abs=1e-3)


def glad_log_posterior(
    judgements: pa.Table, ability: dict[object, float], ease: dict[object, float], labels: int
) -> tuple[float, dict[object, dict[object, float]]]:
    """Return the log of the joint density of answers and parameters, summed over the truth, and its terms by label."""
    terms: dict[object, dict[object, float]] = {t: {c: -math.log(labels) for c in range(labels)} for t in ease}
    for row in judgements.to_pylist():
        right = 1 / (1 + math.exp(-ability[row["worker"]] * math.exp(ease[row["task"]])))
        for c in range(labels):
            terms[row["task"]][c] += math.log(right if row["label"] == c else (1 - right) / (labels - 1))
    priors = sum((value - 1) ** 2 / 2 for value in (*ability.values(), *ease.values()))
    return sum(math.log(sum(map(math.exp, of.values()))) for of in terms.values()) - priors, terms


@pytest.mark.parametrize("labels", [2, 3])
def test_glad_ends_at_a_peak_of_its_posterior(labels: int) -> None:
    judgements, _ = synthetic_crowd(tasks=30, workers=8, each=5, seed=4, labels=labels)
    found = aggregate(judgements, "glad")
    ability = dict(zip(found.workers["worker"].to_pylist(), found.workers["ability"].to_pylist(), strict=True))
    tasks, difficulty = found.labels["task"].to_pylist(), found.labels["difficulty"].to_pylist()
    ease = {task: -math.log(hard) for task, hard in zip(tasks, difficulty, strict=True)}
    peak, terms = glad_log_posterior(judgements, ability, ease, labels)
    for of in (ability, ease):
        for name, value in list(of.items()):
            for step in (-0.01, 0.01):
                of[name] = value + step
                assert glad_log_posterior(judgements, ability, ease, labels)[0] < peak
            of[name] = value
    wanted = [math.exp(v) / sum(map(math.exp, of.values())) for of in terms.values() for v in of.values()]
    assert found.posteriors["posterior"].to_pylist() == pytest.approx(wanted, abs=1e-4)


def test_the_prior_of_weighted_glad_is_what_gold_says_of_a_worker() -> None:
    plain, informed = (aggregate(five_by_five(), "glad", gold) for gold in (None, {"t1": "a", "t3": "b", "t5": "b"}))
    gain = [
        b - a
        for a, b in zip(plain.workers["ability"].to_pylist(), informed.workers["ability"].to_pylist(), strict=True)
    ]
    assert [g > 0 for g in gain] == [True, True, False, False, False]


@pytest.mark.parametrize("method", ["dawid-skene", "glad"])
def test_extreme_workers_and_easy_tasks_still_converge(method: Method) -> None:
    good = [(t, w, t % 2) for t in range(300) for w in range(30)]
    bad = [(t, 30 + w, (t + (t % 10 < 9 - w)) % 2) for t in range(300) for w in range(10)]
    tasks, workers, labels = zip(*good, *bad, strict=True)
    found = aggregate(pa.table({"task": tasks, "worker": workers, "label": labels}), method)
    assert found.converged
    assert found.labels["label"].to_pylist() == [t % 2 for t in range(300)]
