"""Arguments that stages get from a run's options and the workspace's settings."""

import json
from pathlib import Path

import pytest

from core.run_options import RunContext, RunOptions
from crawler import ingest_stage
from flows import stage_arguments
from workspace import Workspace


def test_export_names_the_recipe_of_its_splits(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w", "")
    context = RunContext(options=RunOptions(settings={"recipe": "recipes/demo.toml"}))

    assert stage_arguments.export(workspace, workspace.settings.export, context)["recipe"] == "demo"


@pytest.mark.parametrize(
    ("source", "hosts"),
    [
        ("local = true", {"127.0.0.1:8000", "cdn.example:443", "shop.example:80"}),
        ("local = true\nstart = ['http://127.0.0.1:9000/']", {"127.0.0.1:9000"}),
        ("", set()),
    ],
)
def test_local_source_without_start_has_the_hosts_of_its_feed(tmp_path: Path, source: str, hosts: set[str]) -> None:
    settings = f"[sources.shop]\ncrawl_authorised = true\n{source}\n[sources.other]\ncrawl_authorised = true\n"
    workspace = Workspace.create(tmp_path / "w", settings)
    images = ["http://127.0.0.1:8000/1.jpg", "https://cdn.example/3.jpg"]
    row = {"id": 1, "url": "http://shop.example/1", "image_urls": images}
    for name, shop in (("shop", row), ("other", row | {"image_urls": ["http://10.0.0.1/x.jpg"]})):
        feed = tmp_path / f"{name}.jsonl"
        feed.write_text(json.dumps(shop))
        ingest_stage.run(workspace.store, workspace.settings.crawl, feed, source=name)
    opened = Workspace.open(workspace.root)
    context = RunContext(options=RunOptions())
    found = stage_arguments.download(opened, opened.settings.download, context)["local_hosts"]
    assert found == hosts


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        (RunOptions(), "demo"),
        (RunOptions(settings={"where": "brand = 'Acme'"}), "demo-where-90f63f0c"),
        (RunOptions(settings={"where": "brand = 'Acme'", "out": "elsewhere"}), "demo"),
    ],
)
def test_selection_without_a_place_gets_a_folder_of_its_own(tmp_path: Path, options: RunOptions, folder: str) -> None:
    workspace = Workspace.create(tmp_path / "w", '[splits]\nrecipe = "demo"\n')
    settings = workspace.settings.export.model_copy(update={key: options.settings.get(key) for key in ("where", "out")})
    assert stage_arguments.export(workspace, settings, RunContext(options=options))["folder"] == folder
