import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import WorkspaceError
from demo_shops.server import ShopURLs
from demo_shops.shops import Shops, build


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "shops/manifest.json").read_text(encoding="utf-8"))
    return manifest


def _moments(folder: Path) -> dict[str, float]:
    return {str(path.relative_to(folder)): path.stat().st_mtime for path in folder.rglob("*") if path.is_file()}


def test_another_build_has_the_same_bytes_and_times_whatever_the_workers(shops: Shops, tmp_path: Path) -> None:
    (tmp_path / "shops.building").mkdir()
    (tmp_path / "shops.building/left-over").write_text("of a build that was killed")
    build(tmp_path, "tiny", workers=0)
    assert _manifest(tmp_path) == _manifest(shops.folder)
    assert len(_manifest(tmp_path)["files"]) > 100
    assert _moments(tmp_path) == _moments(shops.folder)


def test_second_build_does_nothing(copied_shops: Shops) -> None:
    before = (copied_shops.folder / "shops").stat()
    marked = copied_shops.folder / "shops/north/site/about.html"
    marked.write_text("still here")
    assert build(copied_shops.folder, "tiny").size == "tiny"
    assert (copied_shops.folder / "shops").stat().st_ino == before.st_ino
    assert marked.read_text() == "still here"


def test_an_older_recipe_is_built_again(copied_shops: Shops) -> None:
    manifest = copied_shops.folder / "shops/manifest.json"
    wanted = _manifest(copied_shops.folder)
    manifest.write_text(json.dumps(wanted | {"recipe": "older"}))
    (copied_shops.folder / "shops/north/site/about.html").write_text("of an older recipe")
    build(copied_shops.folder, "tiny", workers=0)
    assert _manifest(copied_shops.folder) == wanted
    assert "of an older recipe" not in (copied_shops.folder / "shops/north/site/about.html").read_text("utf-8")


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shops").mkdir()
    (tmp_path / "shops/mine.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="choose another folder"):
        build(tmp_path, "tiny")
    assert (tmp_path / "shops/mine.txt").read_text() == "mine"


def test_open_wants_built_shops(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no demo shops here; build them first"):
        Shops.open(tmp_path)


def test_every_file_is_part_of_the_manifest(shops: Shops, base_urls: ShopURLs) -> None:
    assert base_urls.bases.keys() == {"north", "south"}
    files = {str(path.relative_to(shops.folder / "shops")) for path in (shops.folder / "shops").rglob("*.*")}
    assert files - {"manifest.json"} == set(_manifest(shops.folder)["files"])
