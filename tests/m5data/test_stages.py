"""The stage registry: everything it names exists, and the flows and verbs follow from it."""

import inspect

import pytest

from m5data.cli.main import app
from storage.tables import TABLES
from tests.reference import verbs
from workspace.settings import Settings
from workspace.stages import PARTS, STAGES, StageSpec, resolve


@pytest.mark.parametrize("spec", STAGES.values(), ids=str)
def test_what_a_stage_names_exists(spec: StageSpec) -> None:
    taken = inspect.signature(resolve(spec.run)).parameters
    assert {"clock", "progress"} <= taken.keys()
    assert ("settings" in taken) == (spec.settings is not None)
    assert ("runner" in taken) == spec.on_ray
    assert [path for path in (spec.arguments, spec.redo, spec.pending) if path and not callable(resolve(path))] == []
    assert {*spec.reads, *spec.writes} - {"*"} <= TABLES.keys()
    if spec.settings is not None:
        assert {one.name for one in spec.options} - {"recipe"} <= type(
            Settings().section(spec.settings)
        ).model_fields.keys()
    assert spec.then is None or spec.then in STAGES


def test_every_stage_has_a_verb() -> None:
    found = {" ".join(words) for words in verbs(app)}
    assert [spec.command for spec in STAGES.values() if spec.command not in found] == []


def test_help_of_every_verb_fits_a_line() -> None:
    assert [spec.name for spec in STAGES.values() if len(spec.meaning) > 61] == []


def test_a_flow_runs_its_stages_in_order() -> None:
    assert {
        "collect": ("crawl", "records", "download"),
        "process": ("extract", "image_text", "texts", "dedup", "align"),
        "dataset": ("matches", "splits", "export", "stats"),
        "everything": (*PARTS["collect"], *PARTS["process"], *PARTS["dataset"]),
    } == PARTS
