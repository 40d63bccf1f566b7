"""Reading samples of any shard; what is damaged is told apart from what is not there."""

from pathlib import Path

import pyarrow as pa

from m5data.errors import DataError
from scale.data import parquet_reader, tar_reader
from scale.data.raw_sample import RawSample

__all__ = ["DamagedShardError", "read_samples"]


class DamagedShardError(DataError):
    """A shard that cannot be read where it should."""


def read_samples(path: Path, start: int, stop: int, *, media: bool = True) -> list[RawSample]:
    """Return samples ``start`` to ``stop`` of a shard.

    Raises:
        DamagedShardError: The file is damaged there, or no shard.
    """
    read = parquet_reader.read_parquet if path.suffix == parquet_reader.SUFFIX else tar_reader.read_tar
    try:
        return read(path, start, stop, media=media)
    except (OSError, pa.ArrowException, DataError, ValueError, KeyError, TypeError) as error:
        raise DamagedShardError(f"{path}: samples {start} to {stop}: {error!r}; export again") from error
