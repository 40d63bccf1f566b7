"""Fixtures of the pipeline's slow tests: those of the fast ones, and a workspace after all stages."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import base_urls, make_workspace, shops
from tests.slow.pipeline.verbs import Verb, copied, finished
from tests.slow.pipeline.warm import WarmProgram

__all__ = ["base_urls", "made", "make_workspace", "program", "shops", "start_of"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shop", choices=("tiny", "demo"), help="shops that runs are killed on (default: tiny)")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> WarmProgram:
    return WarmProgram(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="session")
def made(program: WarmProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with finished(tmp_path_factory.mktemp("finished"), program) as workspace:
        yield workspace


@pytest.fixture
def start_of(made: Path, program: WarmProgram, tmp_path: Path) -> Callable[[Verb], Path]:
    """Return a function that creates a workspace for a verb."""

    def make(verb: Verb) -> Path:
        folder = copied(made, tmp_path / "start")
        verb.prepare(folder)
        for words in verb.before:
            program.well(*Verb(words).on(folder))
        return folder

    return make
