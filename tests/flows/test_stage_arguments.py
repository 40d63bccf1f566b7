"""Arguments that stages get from a run's options and the workspace's settings."""

from pathlib import Path

from core.run_options import RunContext, RunOptions
from flows import stage_arguments
from workspace import Workspace


def test_an_export_names_the_recipe_of_the_file_that_its_splits_are_built_from(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w", "")
    context = RunContext(options=RunOptions(recipe="recipes/demo.toml"))

    assert stage_arguments.export(workspace, workspace.settings.export, context)["recipe"] == "demo"
