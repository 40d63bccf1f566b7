import subprocess
import sys

import pytest

import extract


def test_public_names_are_sorted_and_exist() -> None:
    assert extract.__all__ == sorted(extract.__all__, key=lambda name: (name[0].islower(), name))
    assert all(callable(getattr(extract, name)) for name in extract.__all__)
    assert set(extract.__all__) <= set(dir(extract))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = getattr(extract, "nothing")  # noqa: B009 - type checkers know that it does not exist


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("extract", {"numpy", "av", "PIL", "pydantic"}),
        ("core.processes.pool_child", {"numpy", "av", "PIL", "pydantic"}),
        ("extract.clip", {"pydantic", "librosa", "numba", "scipy", "moviepy", "duckdb", "pyarrow"}),
    ],
)
def test_heavy_libraries_are_loaded_only_where_they_are_used(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert unwanted.intersection(loaded) == set()
