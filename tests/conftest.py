"""Settings of all tests: none is timed, for a busy machine is not a defect; random examples come from fixed seeds."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite(
    *(f"tests.{folder.name}" for folder in Path(__file__).parent.iterdir() if folder.is_dir())
)

settings.register_profile("fixed", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("search", settings.get_profile("fixed"), derandomize=False, max_examples=20_000)
settings.load_profile("fixed")
