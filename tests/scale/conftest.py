"""A small export of the generated dataset, written once a test run."""

from pathlib import Path

import pytest

from bench.scale.generated import World, write_world

SIZES = {"train": 150, "classification-train": 64, "classification-test": 40, "query-c": 20, "gallery-c": 60}


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both formats, several shards a split."""
    folder = tmp_path_factory.mktemp("export")
    return write_world(World(7), folder, SIZES, ("parquet", "webdataset"), max_bytes=400_000)
