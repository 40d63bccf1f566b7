"""The rooms' names are ordinary words, so imports under these names must be this project's own."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "m5data",
    "core",
    "reader",
    "media",
    "workspace",
    "crawler",
    "extract",
    "align",
    "annotate",
    "splits",
    "export",
    "scale",
    "storage",
    "takedown",
    "webapp",
    "flows",
    "demo_shops",
)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_this_projects_own(room: str) -> None:
    module = importlib.import_module(room)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().parent == ROOT / room


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_exports_is_there_and_sorted(room: str) -> None:
    module = importlib.import_module(room)
    names = getattr(module, "__all__", [])
    assert [name for name in names if not hasattr(module, name)] == []
    assert list(names) == sorted(names, key=str.casefold) or list(names) == sorted(names)


def test_no_room_imports_torch() -> None:
    code = f"import sys, {', '.join(ROOMS)}; import m5data.cli.main, flows.run_stage; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        ("m5data.cli.main", {"aiohttp", "asyncio", "av", "duckdb", "numpy", "prefect", "pyarrow", "scrapy"}),
        ("flows.run_stage", {"aiohttp", "av", "lxml", "prefect", "scrapy"}),
    ],
)
def test_start_of_a_verb_loads_no_library_of_other_verbs(module: str, foreign: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    assert foreign.intersection(loaded) == set()
