import numpy as np
import pyarrow as pa

from annotate.aggregation.blocks import blocks, count_votes
from annotate.aggregation.encoding import EncodedJudgements, encode

GOLD_ONLY = {-2: 1, -1: 0, 30_500: 1, 99_999: 2}


def many_answers() -> EncodedJudgements:
    """Return 30,000 tasks with five answers, one with 70,000 (more than a block holds), and unjudged tasks."""
    task = np.concatenate(
        [np.repeat(np.arange(30_000), 5), np.full(70_000, 20_000), np.repeat(np.arange(30_001, 30_100), 2)]
    )
    rng = np.random.default_rng(5)
    columns = {"task": task, "worker": rng.integers(0, 50, len(task)), "label": rng.integers(0, 3, len(task))}
    return encode(pa.table(columns), GOLD_ONLY)


def test_blocks_hold_every_answer_and_every_task_once_and_in_order() -> None:
    encoded = many_answers()
    found = list(blocks(encoded))
    assert len(found) > 3
    assert [block.rows.start for block in found] == [0, *(block.rows.stop for block in found[:-1])]
    assert [block.tasks.start for block in found] == [0, *(block.tasks.stop for block in found[:-1])]
    assert (found[-1].rows.stop, found[-1].tasks.stop) == (len(encoded.task), len(encoded.tasks))
    for block in found:
        assert np.array_equal(block.task + block.tasks.start, encoded.task[block.rows])
        assert np.array_equal(block.cell // block.shape[1], encoded.label[block.rows])


def test_votes_are_counted_across_blocks() -> None:
    encoded = many_answers()
    weights = np.arange(len(encoded.workers), dtype=float)
    wanted = np.zeros((3, len(encoded.tasks)))
    np.add.at(wanted, (encoded.label, encoded.task), weights[encoded.worker])
    assert np.array_equal(count_votes(encoded, weights), wanted)
    assert count_votes(encoded).sum() == len(encoded.task)
