"""Latency of the task board under many workers.

    python -m bench.annotate.answer_latency FOLDER [--workers 50] [--seconds 20] [--think 0]

Each worker is a thread that asks for two tasks (the second is preloaded), thinks, answers, and repeats; FOLDER is on
the disk to be measured. Without thinking, the workers answer as fast as the board lets them.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from annotate.tasks import AnnotationTask, TaskBoard, TaskSettings
from storage import Store

TASKS = 100_000


def main() -> None:
    """Print quantiles of the latency of answers and of requests for tasks."""
    parser = argparse.ArgumentParser(description="Latency of the task board.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--think", type=float, default=0.0, help="mean seconds between two answers of a worker")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        store = Store.create(Path(folder) / "workspace", buckets=1)
        with TaskBoard(store.state, TaskSettings(fastest_s=0)) as board:
            board.add_tasks(AnnotationTask(f"s:{n}", f"s:{n + 1}") for n in range(TASKS))
            times = run(board, chosen.workers, chosen.seconds, chosen.think)
    answers, nexts = (np.sort(np.concatenate([part[i] for part in times])) * 1e3 for i in (0, 1))
    rate = len(answers) / chosen.seconds
    print(f"{chosen.workers} workers, mean pause {chosen.think} s: {rate:.0f} answers a second")
    for name, found in (("answer", answers), ("next tasks", nexts)):
        p50, p95, p99 = np.quantile(found, [0.5, 0.95, 0.99])
        print(f"{name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, longest {found[-1]:.1f} ms")


def run(board: TaskBoard, workers: int, seconds: float, think: float) -> list[tuple[list[float], list[float]]]:
    """Let workers answer for some seconds; return the latencies of each worker's answers and requests for tasks."""
    names = [f"w{n}" for n in range(workers)]
    board.invite(names)
    end = time.monotonic() + seconds
    times: list[tuple[list[float], list[float]]] = [([], []) for _ in names]
    threads = [
        threading.Thread(target=work, args=(board, name, end, np.random.default_rng(n).exponential, think, times[n]))
        for n, name in enumerate(names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def work(
    board: TaskBoard,
    name: str,
    end: float,
    pause: Callable[[float], float],
    think: float,
    times: tuple[list[float], list[float]],
) -> None:
    """Answer tasks until ``end``."""
    while time.monotonic() < end:
        began = time.perf_counter()
        task = board.next_tasks(name, 2)[0]
        times[1].append(time.perf_counter() - began)
        time.sleep(pause(think) if think else 0)
        began = time.perf_counter()
        board.answer(name, task.number, "matched", 1.0)
        times[0].append(time.perf_counter() - began)


if __name__ == "__main__":
    main()
