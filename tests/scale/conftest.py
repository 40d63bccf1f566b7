"""Small exports of the generated dataset, written once per test run."""

from pathlib import Path

import pytest

from bench.scale.generated import World, write_world
from scale.data.shard_folder import ShardFolder

SIZES = {"train": 190, "classification-train": 64, "classification-test": 40, "query-c": 20, "gallery-c": 60}


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an export in both formats, with several shards per split."""
    folder = tmp_path_factory.mktemp("export")
    return write_world(World(7), folder, SIZES, ("parquet", "webdataset"), a_shard=40)


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory) -> ShardFolder:
    """Return 32 products, few enough to memorise."""
    return ShardFolder(write_world(World(3), tmp_path_factory.mktemp("few"), {"train": 32}))
