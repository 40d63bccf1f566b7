"""Fixtures of the pipeline's slow tests: those of the quick ones."""

import pytest

from tests.pipeline.conftest import base_urls, make_workspace, shops

__all__ = ["base_urls", "make_workspace", "shops"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shop", choices=("tiny", "demo"), help="shops that runs are killed on (default: tiny)")
