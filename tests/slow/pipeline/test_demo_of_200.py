"""The tests of the demo again, on the shops of 200 products."""

import pytest

from tests.pipeline.test_demo import *  # noqa: F403 - its tests
from tests.pipeline.test_demo import Demo, made_of


@pytest.fixture(scope="session", name="demo")
def demo_of_200(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return made_of("demo", tmp_path_factory.mktemp("demo") / "demo")
