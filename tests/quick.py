"""Test files of the modules that changed since a branch, except those that start servers, browsers or flows.

``python -m tests.quick main`` prints them, for ``make quick``.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["chosen", "tests_of"]

ROOT = Path(__file__).resolve().parents[1]
_STARTED = re.compile(r"serve|Server|aiohttp|127\.0\.0\.1|browser|flows|shops\b|planted_once|subprocess|Child\(|spawn")
"""What a test that starts processes or talks over a network has in its text."""


def tests_of(path: str) -> Iterator[str]:
    """Yield where the tests of a changed file may stand."""
    folder, _, name = path.rpartition("/")
    if path.startswith("tests/"):
        yield path
    elif path.endswith(".md"):
        yield "tests/test_documentation.py"
    else:
        yield f"tests/{folder}/test_{name}"
        yield f"tests/{folder.rpartition('/')[0]}/test_{folder.rpartition('/')[2]}.py"  # one file of tests for a folder


def chosen(changed: Iterable[str], root: Path = ROOT) -> list[str]:
    """Return the files of tests that exist and start nothing, sorted."""
    found = {test for path in changed for test in tests_of(path) if (root / test).is_file()}
    named = (test for test in sorted(found) if Path(test).name.startswith("test_") and "/slow/" not in test)
    return [test for test in named if not _STARTED.search((root / test).read_text(encoding="utf-8"))]


def _changed(since: str) -> list[str]:
    """Return the paths that differ from the common ancestor with a branch, and the new ones."""
    commands = (["git", "diff", "--name-only", "--merge-base", since], ["git", "ls-files", "-o", "--exclude-standard"])
    return [line for each in commands for line in subprocess.check_output(each, cwd=ROOT, text=True).splitlines()]


if __name__ == "__main__":
    print(*chosen(_changed(sys.argv[1])), sep="\n")
