"""Comparison of evaluations: runs of a recipe become a mean and its interval over seeds. Needs no torch."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.stats import t as student

from core.errors import DataError, MissingInputError

__all__ = ["Comparison", "Layout", "Row", "compare", "find_runs", "read_results", "shown"]

Layout = Literal["models", "modalities"]
RESULTS = Path("evaluation", "results.json")
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Row:
    """One line of a comparison."""

    recipe: str
    phase: str
    sees: str
    seeds: int
    values: Mapping[str, tuple[float, float | None]]
    """Measure -> mean, and half the width of its 95 % interval (Student's t); None for a single run."""


@dataclass(frozen=True)
class Comparison:
    """Rows with the same measures, in the layout of the papers' tables."""

    measures: tuple[str, ...]
    rows: tuple[Row, ...]

    def markdown(self) -> str:
        """Return the table as Markdown."""
        head = ("recipe", "phase", "sees", "seeds", *self.measures)
        lines = [head, ("---",) * len(head)]
        lines += [
            (row.recipe, row.phase, row.sees, str(row.seeds), *(shown(row.values.get(name)) for name in self.measures))
            for row in self.rows
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(value: tuple[float, float | None] | None) -> str:
    """Return ``mean ± half``, the mean of a single run, or a dash."""
    if value is None:
        return "–"
    mean, half = value
    text = f"{mean:,.0f}" if mean >= 1000 else f"{mean:.3f}"
    return text if half is None else f"{text} ± {half:.3f}"


def find_runs(workspace: Path, names: Sequence[str]) -> list[Path]:
    """Return the named run folders: paths, or recipes of the workspace with all their seeds.

    Raises:
        MissingInputError: A name is neither, or was not evaluated.
    """
    found: list[Path] = []
    for name in names:
        home = workspace / "training"
        places = [Path(name)] if Path(name).is_dir() else [home / name, *sorted(home.glob(f"{name}-seed*"))]
        evaluated = [place for place in places if (place / RESULTS).is_file()]
        if not evaluated:
            raise MissingInputError(
                f"{name}: No evaluation of this run was found. Run: m5data evaluate --recipe {name}"
            )
        found += evaluated
    return found


def read_results(runs: Sequence[Path]) -> list[dict[str, Any]]:
    """Read the results of ``m5data evaluate``.

    Raises:
        DataError: A file is not such a result, or the runs are of different dataset versions.
    """
    results = []
    for run in runs:
        try:
            found = json.loads((run / RESULTS).read_text(encoding="utf-8"))
            dict(found["phases"]), dict(found["baselines"]), str(found["version"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(
                f"{run / RESULTS}: This is not a result of m5data evaluate: {error!r}. Run it again."
            ) from None
        results.append(found)
    versions = {str(found["version"]) for found in results}
    if len(versions) > 1:
        raise DataError(
            f"compare: The runs were evaluated on dataset versions {', '.join(sorted(versions))}. Compare runs of one."
        )
    return results


def compare(results: Sequence[Mapping[str, Any]], layout: Layout = "models", task: str = "coarse") -> Comparison:
    """Return a table of runs.

    Args:
        results: Results of ``read_results``.
        layout: ``models``: one row per recipe and phase, with all its modalities, then the baselines;
            ``modalities``: one row per combination of modalities, as in the papers' main tables.
        task: Retrieval task: ``coarse`` or ``fine``.
    """
    cells: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for found in results:
        for key, values in _lines(found, layout, task):
            cells.setdefault(key, []).append(values)
    rows = [Row(*key, seeds=len(runs), values=_means(runs)) for key, runs in cells.items()]
    rows.sort(key=lambda row: row.phase not in ("pretrained", "finetuned"))  # baselines last
    names = dict.fromkeys(name for row in rows for name in row.values)
    return Comparison(tuple(names), tuple(rows))


def _lines(
    found: Mapping[str, Any], layout: Layout, task: str
) -> Iterator[tuple[tuple[str, str, str], dict[str, float]]]:
    seconds = found["seconds"]
    for phase, measured in found["phases"].items():
        spent = sum(seconds.values()) if phase == "finetuned" else seconds[phase]
        size = {"parameters": float(found["parameters"]), "minutes": spent / 60}
        sees = list(_combinations(measured, task))
        for name in sees if layout == "modalities" else sees[-1:]:
            own = _measures(measured, name, task, whole=name == sees[-1])
            yield (found["recipe"], phase, name), {**(size if layout == "models" else {}), **own}
    for baseline, measured in found["baselines"].items():
        for name in _combinations(measured, task):
            recipe = found["recipe"] if baseline == "random initialisation" else "–"
            yield (recipe, baseline, name), _measures(measured, name, task, whole=True)


def _combinations(measured: Mapping[str, Any], task: str) -> list[str]:
    named = list(measured["retrieval"].get(task, {}))
    return named or [name.removeprefix("linear, ") for name in measured.get("classification", {}) if "linear" in name]


def _measures(measured: Mapping[str, Any], sees: str, task: str, *, whole: bool) -> dict[str, float]:
    """Return the measures of one combination; with ``whole``, also those that exist only for all modalities."""
    values: dict[str, float] = {}
    classes = measured.get("classification", {})
    columns = {"linear probe": f"linear, {sees}", "classifier": "fine-tuned" if whole else ""}
    values |= {column: classes[row]["top-1"] for column, row in columns.items() if row in classes}
    retrieved = measured["retrieval"].get(task, {}).get(sees, {})
    values |= {name: retrieved[f"released {name}"] for name in _RETRIEVAL if f"released {name}" in retrieved}
    if whole:
        values |= {name: measured["clustering"][name] for name in ("NMI", "purity") if "clustering" in measured}
        across = measured.get("cross-modal", {}).get("image → text", {})
        values |= {"image → text R@10": across["R@10"], "chance": across["chance R@10"]} if across else {}
    return values


_RETRIEVAL = tuple(f"{kind}@{k}" for kind in ("mAP", "Prec") for k in (1, 5, 10))


def _means(runs: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float | None]]:
    means: dict[str, tuple[float, float | None]] = {}
    for name in dict.fromkeys(name for run in runs for name in run):
        values = np.array([run[name] for run in runs if name in run])
        half = None
        if len(values) > 1:
            half = float(student.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
        means[name] = float(values.mean()), half
    return means
