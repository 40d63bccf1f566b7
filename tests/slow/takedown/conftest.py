"""Fixtures of killed take-downs, shared with the fast tests, and of a workspace after all stages."""

from tests.slow.pipeline.conftest import made, program
from tests.takedown.conftest import folder

__all__ = ["folder", "made", "program"]
