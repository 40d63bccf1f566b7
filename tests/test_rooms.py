"""The rooms' names are ordinary words, so imports under these names must be this project's own."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
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

ONE_WAY = {
    "ada_url": "core/urls.py",
    "brotli": "crawler/net/content_coding.py",
    "chardetng_py": "core/texts.py",
    "deltalake": "storage/",
    "faiss": "annotate/candidates/search.py",
    "obstore": "storage/",
    "playwright": "crawler/crawl/browser.py",
    "prefect": "flows/",
    "ray": "flows/",
    "rjieba": "core/segmentation.py",
    "scrapy": "crawler/crawl/",
    "soxr": "media/audio.py",
    "subprocess": "core/processes/",
    "tarfile": "export/webdataset_shards.py",
    "webencodings": "core/texts.py",
}
"""Library -> the only module or folder that calls it: docs/architecture.md, "One way to do each job"."""
SECOND_WAYS = frozenset(
    ("cgi", "chardet", "charset_normalizer", "imghdr", "price_parser", "protego", "requests", "urllib.robotparser",
     "w3lib")
)  # fmt: skip
"""Libraries that do what a module of this project does in its own way."""

FROM_STORAGE = 116
"""Most names that other rooms take from ``storage``; a lower number is welcome."""


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def importers() -> dict[str, set[str]]:
    """Return each module that is imported -> the files that import it."""
    found: dict[str, set[str]] = {}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for name in imports(path):
            for module in (name, name.partition(".")[0]):
                found.setdefault(module, set()).add(path.relative_to(ROOT).as_posix())
    return found


def test_one_module_calls_the_library_of_a_job() -> None:
    found = importers()
    others = {
        library: {file for file in found[library] if not file.startswith(only)} for library, only in ONE_WAY.items()
    }
    assert {library: files for library, files in others.items() if files} == {}


def test_no_library_does_a_job_a_second_way() -> None:
    found = importers()
    assert {library: found[library] for library in SECOND_WAYS if library in found} == {}


def test_rooms_take_few_names_from_storage() -> None:
    taken = {
        alias.name
        for path in (path for room in ROOMS if room != "storage" for path in (ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "storage"
        for alias in node.names
    }
    assert len(taken) <= FROM_STORAGE


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
