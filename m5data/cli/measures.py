"""Tables of an evaluation's results."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from m5data.cli.display import print_rows

__all__ = ["print_measures"]

KS = (1, 5, 10)
_CLASSES = ("top-1", "top-5", "average precision", "F1", "unknown class")
_CLUSTERS = ("NMI", "AMI", "purity", "ARI", "accuracy", "k")


def print_measures(results: Mapping[str, Any], folder: Path) -> None:
    """Print every measure, with the choices that it was made with."""
    choices = ", ".join(f"{name} {_plain(value)}" for name, value in results["choices"].items() if value is not None)
    print(f"recipe {results['recipe']}, seed {results['seed']}, dataset version {results['version']}; {choices}\n")
    for definition in ("paper", "standard"):
        names = [f"{kind}@{k}" for k in KS for kind in ("mAP", "Prec")]
        rows = list(_retrieval(results["phases"], [f"{definition} {name}" for name in names]))
        if rows:
            print_rows(f"Retrieval, definition {definition}", ("phase", "task", "sees", "queries", *names), rows)
    _print_table("Classification", "classifier", results["phases"], _CLASSES)
    rows = [
        (phase, *_rounded([found["clustering"][name] for name in _CLUSTERS]))
        for phase, found in results["phases"].items()
        if "clustering" in found
    ]
    print_rows("Clustering (chance is 0 in AMI and ARI)", ("phase", *_CLUSTERS), rows)
    for phase, found in results["phases"].items():
        for name, value in found.get("correlation", {}).items():
            print(f"{phase}: mean cosine {name}: {value:.4f}")
    for name in results["absent splits"]:
        print(f"not judged: the export has no split {name}")
    print(f"results.json, examples.html and tsne.png are in {folder}")


def _retrieval(phases: Mapping[str, Any], names: list[str]) -> Iterator[tuple[object, ...]]:
    for phase, found in phases.items():
        for task, table in found["retrieval"].items():
            for sees, values in table.items():
                yield (phase, task, sees, int(values["queries"]), *_rounded([values[name] for name in names]))


def _print_table(title: str, kind: str, phases: Mapping[str, Any], names: tuple[str, ...]) -> None:
    rows = [
        (phase, row, *_rounded([values[name] for name in names]))
        for phase, found in phases.items()
        for row, values in found.get("classification", {}).items()
    ]
    if rows:
        print_rows(title, ("phase", kind, *names), rows)


def _rounded(values: list[float]) -> list[float | int]:
    return [int(value) if float(value).is_integer() and value > 1 else round(value, 4) for value in values]


def _plain(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value).lower()
