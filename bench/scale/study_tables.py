"""Tables of the study: means, and paired differences with intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from bench.scale.generated import MODALITIES, best_accuracy
from bench.scale.study_runs import ROWS, RUNS

__all__ = ["difference", "print_tables"]

MEASURES = (
    "finetuned accuracy",
    "pretrained accuracy",
    "finetuned paper mAP@1",
    "finetuned paper mAP@10",
    "finetuned standard mAP@10",
    "pretrained paper mAP@1",
    "pretrained standard mAP@10",
)
PAIRS = (
    *zip(ROWS[1:], ROWS, strict=False),
    ("contrastive only", "neither loss"),
    ("masked only", "neither loss"),
    ("+ Audio", "neither loss"),
    ("+ Audio", "contrastive only"),
    ("+ Audio", "masked only"),
    ("+ Audio", "alignment off"),
    ("audio of coin flips", "+ Video"),
    ("audio of noise", "+ Video"),
)
"""Compared: the first minus the second. ``+ Audio`` is the whole model with both losses."""

Results = Mapping[int, Mapping[str, Mapping[str, float]]]
"""Seed -> run -> measure -> value."""


def difference(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Return the mean of paired differences and half the width of its interval."""
    array = np.asarray(values)
    spread = array.std(ddof=1) / np.sqrt(len(array))
    return float(array.mean()), float(student.ppf((1 + level) / 2, len(array) - 1) * spread)


def print_tables(results: Results) -> None:
    """Print both tables as Markdown."""
    print("\n| run |", " | ".join(MEASURES), "| best possible |")
    print("|---|" + "---:|" * (len(MEASURES) + 1))
    for run in RUNS:
        means = [f"{_of(results, run.name, name).mean():.3f}" for name in MEASURES]
        best = best_accuracy(run.modalities[:4] if run.control else run.modalities)
        print("|", run.name, "|", " | ".join(means), f"| {best:.3f} |")
    print("\n| difference |", " | ".join(MEASURES), "|")
    print("|---|" + "---:|" * len(MEASURES))
    for left, right in PAIRS:
        cells = []
        for name in MEASURES:
            mean, half = difference(list(_of(results, left, name) - _of(results, right, name)))
            cells.append(f"{mean:+.3f} ± {half:.3f}")
        print(f"| {left} − {right} |", " | ".join(cells), "|")
    print(f"\nbest possible is of complete products; all of {', '.join(MODALITIES)} where nothing else is said")


def _of(results: Results, run: str, measure: str) -> NDArray[np.float64]:
    return np.array([found[run][measure] for found in results.values()])
