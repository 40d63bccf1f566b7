"""Options of the stages, and a whole flow with other values than the defaults."""

import json
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from core.names import dashed
from flows import run_files, tasks
from flows.running import run_pipeline
from tests.flows.prefect_api import PrefectApi
from workspace import Workspace
from workspace.settings import Settings
from workspace.stages import stages_of
from workspace.verification import verify_workspace

__all__ = ["Choice", "apart", "check_flow", "together"]

Choice = tuple[str, object]
"""Dotted name of a setting, and a value other than its default."""
_NO_STAGE = frozenset({"store", "serve", "machine", "run"})
_PACKAGES: Mapping[Choice, str] = {("extract.sound.backend", "moviepy"): "moviepy"}
"""Choice -> package of an extra that it needs; it is left out where that is not installed."""
_ALWAYS_ADVANCE = frozenset({"extract", "image_text", "texts", "dedup", "export"})


def together() -> list[tuple[Choice, ...]]:
    """Return few combinations in which every alternative occurs: the first of each setting, the second, and so on."""
    columns = [[(name, value) for value in values] for name, values in alternatives().items()]
    return [tuple(choice for choice in row if choice is not None) for row in zip_longest(*columns)]


def apart() -> list[tuple[Choice, ...]]:
    """Return every alternative alone."""
    return [((name, value),) for name, values in alternatives().items() for value in values]


def check_flow(
    world: Path,
    folder: Path,
    api: PrefectApi,
    monkeypatch: pytest.MonkeyPatch,
    choices: tuple[Choice, ...] = (),
    **parameters: object,
) -> None:
    """Run the whole flow on a copy of a workspace, and check its artifacts, metrics and dataset.

    Every step of a stage is shown, as if it took long.

    Args:
        world: The workspace.
        folder: Where the copy is made.
        api: The server that the run uses.
        monkeypatch: Shortens the times between two shows of progress.
        choices: Values of settings.
        parameters: Parameters of the flow.
    """
    monkeypatch.setattr(tasks, "EVERY_S", 0.0)
    monkeypatch.setattr(run_files, "_PROGRESS_EVERY_S", 0.0)
    _with_choices(Path(shutil.copytree(world, folder)) / "m5data.toml", choices)

    reports = run_pipeline(folder, "everything", parameters)

    names = stages_of("everything", media=parameters.get("media") is not False)
    assert [report.stage for report in reports] == list(names)
    assert [check for check in verify_workspace(Workspace.open(folder)) if not check.ok] == []
    shown = api.artifacts(api.runs()[-1]["id"])
    worked = {report.stage for report in reports if report.read and not report.unchanged} & _ALWAYS_ADVANCE
    assert {"m5data-stages", "m5data-drops", "m5data-ledger", "m5data-report"} <= shown.keys()
    assert {dashed("m5data-progress", name) for name in worked} <= shown.keys()
    families = text_string_to_metric_families((folder / run_files.METRICS_FILE).read_text(encoding="utf-8"))
    assert set(names) <= {one.labels["stage"] for all_ in families for one in all_.samples if "stage" in one.labels}


def alternatives() -> dict[str, list[object]]:
    """Return setting -> its values other than the default, for every boolean and every closed list of values."""
    return dict(_walk(Settings, ""))


def _with_choices(path: Path, choices: tuple[Choice, ...]) -> None:
    """Write settings into a file of settings, in place of those that it has."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, value in choices:
        *sections, key = name.split(".")
        table = content
        for section in sections:
            table = table.setdefault(section, {})
        table[key] = value
    path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in content.items()), encoding="utf-8")


def _walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, list[object]]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if name not in _NO_STAGE:
                yield from _walk(kind, f"{prefix}{name}.")
        elif others := [
            value for value in _values(kind) if value != field.default and _is_possible(prefix + name, value)
        ]:
            yield f"{prefix}{name}", _subsets(others, field.default) if get_origin(kind) is tuple else others


def _is_possible(name: str, value: object) -> bool:
    package = _PACKAGES.get((name, value))
    return package is None or find_spec(package) is not None


def _values(kind: Any) -> list[object]:  # noqa: ANN401 - the annotation of a field
    if kind is bool:
        return [True, False]
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [value for part in get_args(kind) for value in _values(part)]


def _subsets(values: list[object], default: tuple[object, ...]) -> list[object]:
    """Return all values but one where all are the default, so that a stage keeps some work; else each value alone."""
    if set(default) == set(values):
        return [[value for value in values if value != left_out] for left_out in values]
    return [[value] for value in values]


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
