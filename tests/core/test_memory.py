"""The memory that a process may use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.memory import memory_of_machine, usual_query_mb

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def groups(folder: Path, own: str, limits: dict[str, str]) -> tuple[Path, Path]:
    """Write control groups, file -> content, and the file that names those of a process."""
    for name, content in limits.items():
        (folder / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup" / name).write_text(content, encoding="ascii")
    (folder / "own").write_text(own, encoding="ascii")
    return folder / "cgroup", folder / "own"


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "100000000\n"}, 100_000_000),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "200000000\n"}, 200_000_000),
        ("0::/a/b\n", {"a/b/memory.high": "50000000\n", "a/memory.max": "200000000\n"}, 50_000_000),
        ("0::/a\n", {"b/memory.max": "100000000\n"}, None),
        ("5:cpu:/a\n4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "300000000\n"}, 300_000_000),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("", {}, None),
    ],
)
def test_the_smallest_limit_of_groups(own: str, limits: dict[str, str], expected: int | None, tmp_path: Path) -> None:
    found = memory_of_machine(*groups(tmp_path, own, limits))
    assert found == (MACHINE if expected is None else expected)


def test_a_system_without_groups(tmp_path: Path) -> None:
    assert memory_of_machine(tmp_path, tmp_path / "none") == MACHINE


def test_a_query_has_a_share_of_the_memory() -> None:
    assert usual_query_mb() == max(memory_of_machine() // 16_000_000, 500)


def test_a_limit_of_the_address_space_counts() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000,) * 2)\n"
        "from core.memory import *; print(memory_of_machine() <= 4_000_000_000, usual_query_mb())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "500"]
