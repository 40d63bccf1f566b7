"""Invariants of every aggregation method, for any judgements."""

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate import Aggregation, aggregate
from annotate.settings import Method
from tests.annotate.crowds import table

METHODS: st.SearchStrategy[Method] = st.sampled_from(["majority", "dawid-skene", "glad", "weighted"])
WORKERS = "vwxyz"
ROWS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(WORKERS), st.sampled_from("abc")), min_size=1, max_size=40)
GOLD = st.dictionaries(st.integers(0, 7), st.sampled_from("abcd"), max_size=4)


@settings(deadline=None)
@given(ROWS, GOLD, METHODS, st.data())
def test_the_order_of_rows_and_the_names_of_workers_change_no_bit(
    rows: list[tuple[int, str, str]], gold: dict[int, str], method: Method, data: st.DataObject
) -> None:
    names = dict(zip(WORKERS, data.draw(st.permutations(WORKERS)), strict=True))
    renamed = [(task, names[worker], label) for task, worker, label in data.draw(st.permutations(rows))]
    first, second = aggregate(table(rows), method, gold), aggregate(table(renamed), method, gold)
    assert (first.labels, first.posteriors, first.converged) == (second.labels, second.posteriors, second.converged)
    assert by_worker(first, names) == by_worker(second, {name: name for name in WORKERS})


def by_worker(found: Aggregation, names: dict[str, str]) -> dict[str, dict[str, object]]:
    return {names[row["worker"]]: {**row, "worker": ""} for row in found.workers.to_pylist()}


@settings(deadline=None)
@given(ROWS, GOLD, METHODS)
def test_posteriors_add_up_to_one_and_the_label_is_the_most_probable(
    rows: list[tuple[int, str, str]], gold: dict[int, str], method: Method
) -> None:
    found = aggregate(table(rows), method, gold)
    by_task = found.posteriors.group_by("task", use_threads=False).aggregate(
        [("posterior", "sum"), ("posterior", "max")]
    )
    assert pc.max(pc.abs(pc.subtract(by_task["posterior_sum"], 1.0))).as_py() < 1e-12
    assert pc.min(found.posteriors["posterior"]).as_py() >= 0
    assert pc.max(pc.abs(pc.subtract(by_task["posterior_max"], found.labels["posterior"]))).as_py() < 1e-9
    assert by_task["task"] == found.labels["task"]


@settings(deadline=None)
@given(ROWS, GOLD, METHODS)
def test_every_task_is_there_once_and_gold_is_respected(
    rows: list[tuple[int, str, str]], gold: dict[int, str], method: Method
) -> None:
    labels = aggregate(table(rows), method, gold).labels
    assert labels["task"].to_pylist() == sorted({task for task, _, _ in rows}.union(gold))
    known = labels.filter(pc.is_in(labels["task"], pa.array(list(gold), pa.int64())))
    assert dict(zip(known["task"].to_pylist(), known["label"].to_pylist(), strict=True)) == gold
    assert known["posterior"].to_pylist() == [1.0] * len(gold)
    assert sum(labels["judgements"].to_pylist()) == len(rows)
