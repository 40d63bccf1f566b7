"""Word counts of many texts, in parallel if there is enough work."""

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
"""Characters: about five seconds of work; a process takes two seconds to start."""


class WordMatrix:
    """Builder of a sparse matrix of word counts; threads may add rows."""

    def __init__(self, rows: int) -> None:
        self.words: dict[str, int] = {}
        """Word -> column, in order of first occurrence."""
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
    """Return a matrix with ``count_words`` of each text as a row.

    Large inputs are counted by child processes that read from a pipe. ``multiprocessing`` is not used
    because it imports the caller's main module again, and a script without a guard would start itself
    over. A child ends when its pipe closes. The column of a word can differ between runs; no cosine
    depends on it.
    """
    result = WordMatrix(len(texts))
    workers = min(_cores(), sum(map(len, texts)) // _WORTH_A_PROCESS)
    if workers < 2 or not segment:
        for row, text in enumerate(texts):
            result.set_row(row, count_words(text, segment=segment))
        return result
    rows: SimpleQueue[int] = SimpleQueue()
    for row in range(len(texts)):
        rows.put(row)
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(_count_in_child, texts, rows, result) for _ in range(workers)]:
            done.result()
    return result


def serve() -> None:
    """Count the words of one text per input line, as JSON, until the pipe closes."""
    for line in sys.stdin:
        print(json.dumps(count_words(json.loads(line), segment=True)), flush=True)  # noqa: T201 - the pipe


def _count_in_child(texts: Sequence[str], rows: "SimpleQueue[int]", result: WordMatrix) -> None:
    """Let one child process count texts until the queue is empty."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "align.word_counting"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as child:
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("The process that counts words has no pipes.")
        for row in _drain(rows):
            child.stdin.write(json.dumps(texts[row]) + "\n")
            child.stdin.flush()
            answer = child.stdout.readline()
            if not answer:
                raise RuntimeError("A process that counts words ended early. Run the stage again.")
            result.set_row(row, json.loads(answer))


def _drain(rows: "SimpleQueue[int]") -> Iterator[int]:
    """Yield rows until the queue is empty."""
    while True:
        try:
            yield rows.get_nowait()
        except Empty:
            return


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    serve()
