"""``m5data forget``: exit codes and messages."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import DataError
from m5data.cli.main import app
from tests.takedown.planted import PLANTED


def said(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["forget", "-w", str(folder), *words])
    assert done.exception is None or isinstance(done.exception, DataError)
    return done.exit_code, str(done.exception or done.output)


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_nearly_the_same_is_an_error_that_names_it(folder: Path, dry: list[str]) -> None:
    assert said(folder, "--product", "k7", *dry) == (
        1,
        (
            "forget: --product 'k7' matches nothing in this workspace; did you mean 'shop:k7'? Nothing was removed. "
            "Give the whole name."
        ),
    )


def test_nothing_alike_is_an_error_too(folder: Path) -> None:
    code, message = said(folder, "--url", "https://elsewhere.example/p/zzz")
    assert (code, "matches nothing in this workspace; nothing was removed" in message) == (1, True)


def test_repeated_take_down_is_no_error(folder: Path) -> None:
    assert said(folder, "--product", PLANTED)[0] == 0
    assert said(folder, "--product", PLANTED) == (0, "it was taken down before; nothing is left of it\n")
