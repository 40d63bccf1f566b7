"""Word counts of many texts, on all cores where that pays."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from m5data.segmentation import count_words

__all__ = ["WordMatrix", "count_matrix", "serve"]

_WORTH_A_PROCESS = 2_000_000
"""Characters: about five seconds of work, where a process takes two to begin."""


class WordMatrix:
    """Word counts of texts as a sparse matrix in the making; threads may add rows."""

    def __init__(self, rows: int) -> None:
        self.words: dict[str, int] = {}
        """Word -> column, in the order in which words were met."""
        self._columns: list[NDArray[np.int32]] = [np.empty(0, np.int32)] * rows
        self._counts: list[NDArray[np.int32]] = [np.empty(0, np.int32)] * rows
        self._lock = Lock()

    def set_row(self, row: int, counted: Mapping[str, int]) -> None:
        """Set the counts of one text."""
        with self._lock:
            columns = [self.words.setdefault(word, len(self.words)) for word in counted]
        self._columns[row] = np.array(columns, dtype=np.int32)
        self._counts[row] = np.array(list(counted.values()), dtype=np.int32)

    def matrix(self) -> csr_array:
        """Return the counts, [texts, words], int64."""
        ends = np.cumsum([0, *map(len, self._counts)])
        counts = np.concatenate([*self._counts, np.empty(0, np.int32)], dtype=np.int64)
        columns = np.concatenate([*self._columns, np.empty(0, np.int32)])
        return csr_array((counts, columns, ends), shape=(len(self._counts), len(self.words)))


def count_matrix(texts: Sequence[str], *, segment: bool) -> WordMatrix:
    """Return ``count_words`` of each text as a row.

    Processes of our own do the work where there is much of it. They are plain child processes that
    read from a pipe, and not a pool of ``multiprocessing``: that would import the caller's main module
    again, and a script without a guard would start itself over. A child ends when its pipe is closed.
    Which column a word has may differ from run to run; no cosine depends on it.
    """
    found = WordMatrix(len(texts))
    workers = min(_cores(), sum(map(len, texts)) // _WORTH_A_PROCESS)
    if workers < 2 or not segment:
        for row, text in enumerate(texts):
            found.set_row(row, count_words(text, segment=segment))
        return found
    rows: SimpleQueue[int] = SimpleQueue()
    for row in range(len(texts)):
        rows.put(row)
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(_drive, texts, rows, found) for _ in range(workers)]:
            done.result()
    return found


def _drive(texts: Sequence[str], rows: "SimpleQueue[int]", found: WordMatrix) -> None:
    """Let one child count texts until none is left."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "align.word_counting"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as child:
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("counting words: wanted a child process with pipes, got none")
        for row in _taken(rows):
            child.stdin.write(json.dumps(texts[row]) + "\n")
            child.stdin.flush()
            answer = child.stdout.readline()
            if not answer:
                raise RuntimeError("counting words: wanted an answer, a child process ended; run it again")
            found.set_row(row, json.loads(answer))


def _taken(rows: "SimpleQueue[int]") -> Iterator[int]:
    """Yield rows that nobody has taken yet."""
    while True:
        try:
            yield rows.get_nowait()
        except Empty:
            return


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve() -> None:
    """Answer until the pipe is closed."""
    for line in sys.stdin:
        print(json.dumps(count_words(json.loads(line), segment=True)), flush=True)  # noqa: T201 - the pipe


if __name__ == "__main__":
    serve()
