"""Candidates become tasks, and reviewed pairs the gold set."""

import time
from contextlib import closing

from annotate.judgement_state import gold_pairs
from annotate.tasks.board import TaskBoard
from annotate.tasks.records import Kind, Task, Truth
from annotate.tasks.settings import TaskSettings
from annotate.tasks.sources import category_tasks, pair_tasks
from m5data.errors import MissingInputError
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Store

__all__ = ["run"]


def run(
    store: Store,
    settings: TaskSettings,
    *,
    kind: Kind = "same-product",
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Put tasks of a kind on the board, beside those that are there, and the gold set of reviewed pairs.

    Reads candidate pairs (for ``category``: products asked about); keeps new tasks; drops those that are there
    already (``known``), a pair whose mirror image is asked (``mirrored``), and a product whose candidates are all of
    its own category (``one_category``).

    Raises:
        MissingInputError: There are no candidates yet.
    """
    began = time.monotonic()
    before = store.snapshot()
    if "candidates" not in before.tables:
        raise MissingInputError("tasks: wanted the table candidates, found none; run m5data annotate candidates first")
    with closing(before.connection()) as connection, TaskBoard(store.state, settings, clock) as board:
        source = pair_tasks if kind == "same-product" else category_tasks
        read, batches = source(connection, settings)
        progress.start("tasks", read)
        new = asked = 0
        for batch in batches:
            new += board.add_tasks(batch)
            asked += len(batch)
            progress.advance(len(batch))
        board.add_gold(Truth(Task(query, candidate), label) for query, candidate, label in gold_pairs(store.state))
        progress.finish()
    left_out = "mirrored" if kind == "same-product" else "one_category"
    dropped = {reason: n for reason, n in (("known", asked - new), (left_out, read - asked)) if n}
    return StageReport("tasks", read, new, dropped, time.monotonic() - began)
