import numpy as np
import pyarrow as pa

from annotate.aggregation.blocks import blocks, count_votes
from annotate.aggregation.encoding import Answers, encode

GOLD_ONLY = {-2: 1, -1: 0, 30_500: 1, 99_999: 2}


def many_answers() -> Answers:
    """30,000 tasks of five answers, one of 70,000: more than a block holds; and tasks that nobody judged."""
    task = np.concatenate(
        [np.repeat(np.arange(30_000), 5), np.full(70_000, 20_000), np.repeat(np.arange(30_001, 30_100), 2)]
    )
    rng = np.random.default_rng(5)
    columns = {"task": task, "worker": rng.integers(0, 50, len(task)), "label": rng.integers(0, 3, len(task))}
    return encode(pa.table(columns), GOLD_ONLY)


def test_blocks_hold_every_answer_and_every_task_once_and_in_order() -> None:
    answers = many_answers()
    found = list(blocks(answers))
    assert len(found) > 3
    assert [block.answers.start for block in found] == [0, *(block.answers.stop for block in found[:-1])]
    assert [block.tasks.start for block in found] == [0, *(block.tasks.stop for block in found[:-1])]
    assert (found[-1].answers.stop, found[-1].tasks.stop) == (len(answers.task), len(answers.tasks))
    for block in found:
        assert np.array_equal(block.task + block.tasks.start, answers.task[block.answers])
        assert np.array_equal(block.cell // block.shape[1], answers.label[block.answers])


def test_votes_are_counted_across_blocks() -> None:
    answers = many_answers()
    weights = np.arange(len(answers.workers), dtype=float)
    wanted = np.zeros((3, len(answers.tasks)))
    np.add.at(wanted, (answers.label, answers.task), weights[answers.worker])
    assert np.array_equal(count_votes(answers, weights), wanted)
    assert count_votes(answers).sum() == len(answers.task)
