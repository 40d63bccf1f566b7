"""The stage registry: everything it names exists, and the flows and verbs follow from it."""

import inspect
from typing import Any

import pytest
import typer

from core.names import dashed
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


@pytest.mark.parametrize("spec", [spec for spec in STAGES.values() if spec.options], ids=str)
def test_options_of_a_stage_are_those_of_its_verb(spec: StageSpec) -> None:
    group, _, verb = spec.command.rpartition(" ")
    program: Any = typer.main.get_command(app)
    command = (program.commands[group] if group else program).commands[verb]
    shown = {parameter.name: (parameter.opts, getattr(parameter, "help", "")) for parameter in command.params}
    declared = [option for option in spec.options if option.help]
    expected = {option.name: ([f"--{dashed(option.name)}"], option.help) for option in declared}
    assert {name: shown.get(name) for name in expected} == expected


def test_help_of_every_verb_fits_a_line() -> None:
    assert [spec.name for spec in STAGES.values() if len(spec.meaning) > 61] == []


def test_a_flow_runs_its_stages_in_order() -> None:
    assert {
        "collect": ("crawl", "records", "download"),
        "process": ("extract", "image_text", "texts", "dedup", "align"),
        "dataset": ("matches", "splits", "export", "stats"),
        "everything": (*PARTS["collect"], *PARTS["process"], *PARTS["dataset"]),
    } == PARTS
