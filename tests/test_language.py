"""Module summaries say what a module is or does, in plain words."""

import ast
import re

from tests.test_rooms import ROOMS, ROOT

_INDIRECT = re.compile(r"(What|Which|Whether|How|Why|Who)\b")


def test_every_module_has_a_direct_summary() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    summaries = {
        str(path.relative_to(ROOT)): ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) for path in files
    }
    assert len(summaries) > 300
    assert {file: text for file, text in summaries.items() if not text or _INDIRECT.match(text)} == {}


def test_every_test_has_a_short_name() -> None:
    names = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert len(names) > 2000
    assert {name for name in names if len(name) > 70} == set()
