"""Comparisons of evaluations: means and intervals by hand, the papers' layouts, and incomparable runs."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core.errors import DataError, MissingInputError
from m5data.cli.main import app
from scale.evaluation.compare import compare, find_runs, read_results
from workspace import Workspace

KS = (1, 5, 10)


def measured(level: float, rows: tuple[str, ...] = ("T", "I", "T + I")) -> dict[str, Any]:
    names = [f"released {kind}@{k}" for kind in ("mAP", "Prec") for k in KS]
    return {
        "retrieval": {"coarse": {row: dict.fromkeys(names, level + at / 10) for at, row in enumerate(rows)}},
        "classification": {f"linear, {row}": {"top-1": level} for row in rows},
        "clustering": {"NMI": level, "purity": level},
    }


def result(seed: int, level: float, version: str = "v") -> dict[str, Any]:
    finetuned = measured(level)
    finetuned["classification"]["fine-tuned"] = {"top-1": level + 0.5}
    finetuned["cross-modal"] = {"image → text": {"R@10": 0.5, "chance R@10": 0.1}}
    return {
        "recipe": "tiny",
        "seed": seed,
        "version": version,
        "parameters": 1200,
        "seconds": {"pretrained": 60.0, "finetuned": 30.0},
        "phases": {"pretrained": measured(level / 2), "finetuned": finetuned},
        "baselines": {"bag of words": measured(0.3, ("T + Tab",))},
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "shop")
    for seed, level in enumerate((0.1, 0.2, 0.3)):
        place = tmp_path / "shop" / "training" / (f"tiny-seed{seed}" if seed else "tiny") / "evaluation"
        place.mkdir(parents=True)
        (place / "results.json").write_text(json.dumps(result(seed, level)))
    return tmp_path / "shop"


def test_seeds_become_a_mean_and_its_interval(workspace: Path) -> None:
    found = compare(read_results(find_runs(workspace, ["tiny"])))
    assert [(row.recipe, row.phase, row.sees, row.seeds) for row in found.rows] == [
        ("tiny", "pretrained", "T + I", 3),
        ("tiny", "finetuned", "T + I", 3),
        ("–", "bag of words", "T + Tab", 3),
    ]
    mean, half = found.rows[1].values["classifier"]
    assert mean == pytest.approx(0.7)
    assert half == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-5)  # Student's t, 2 degrees of freedom, 97.5 %
    assert found.rows[1].values["minutes"][0] == pytest.approx(1.5)
    assert found.rows[1].values["mAP@1"][0] == pytest.approx(0.4)
    assert list(found.rows[2].values["NMI"]) == [pytest.approx(0.3), pytest.approx(0.0)]


def test_the_papers_layout_has_a_row_for_each_combination(workspace: Path) -> None:
    runs = find_runs(workspace, [str(workspace / "training" / "tiny")])
    found = compare(read_results(runs), "modalities")
    assert [row.sees for row in found.rows if row.phase == "finetuned"] == ["T", "I", "T + I"]
    assert found.rows[0].values["linear probe"][1] is None
    line = next(line for line in found.markdown().splitlines() if "| finetuned | T + I |" in line)
    assert line.startswith("| tiny | finetuned | T + I | 1 | 0.100 |")


def test_a_column_has_one_measure(workspace: Path) -> None:
    """The linear probe of every row, and the fine-tuned classifier only where there is one."""
    found = compare(read_results(find_runs(workspace, [str(workspace / "training" / "tiny")])), "modalities")
    probes = [row.values["linear probe"][0] for row in found.rows if row.phase == "finetuned"]
    assert probes == pytest.approx([0.1, 0.1, 0.1])
    classifiers = {
        (row.phase, row.sees): row.values["classifier"][0] for row in found.rows if "classifier" in row.values
    }
    assert classifiers == {("finetuned", "T + I"): pytest.approx(0.6)}


def test_runs_of_other_data_and_missing_ones_are_refused(workspace: Path) -> None:
    with pytest.raises(MissingInputError, match=r"small: No evaluation .* Run: m5data evaluate --recipe small"):
        find_runs(workspace, ["small"])
    path = workspace / "training" / "tiny" / "evaluation" / "results.json"
    path.write_text(json.dumps(result(0, 0.1, "w")))
    with pytest.raises(DataError, match="dataset versions v, w"):
        read_results(find_runs(workspace, ["tiny"]))
    path.write_text("{}")
    with pytest.raises(DataError, match="not a result of m5data evaluate"):
        read_results(find_runs(workspace, ["tiny"]))


def test_the_verb_prints_a_table_markdown_or_json(workspace: Path) -> None:
    def run(*options: str) -> str:
        done = CliRunner().invoke(app, ["compare", "tiny", "-w", str(workspace), *options], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    assert "bag of words" in run()
    assert run("--markdown").startswith("| recipe | phase | sees | seeds | parameters |")
    rows = json.loads(run("--json"))
    assert rows[1]["values"]["image → text R@10"] == [0.5, 0.0]
