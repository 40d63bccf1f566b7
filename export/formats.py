"""Which module writes which format."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from export.link_shards import LINKS_SUFFIX, RECORDS_SUFFIX, LinkShard, M5ProductShard, Mep3mShard
from export.parquet_shards import SUFFIX as PARQUET_SUFFIX
from export.parquet_shards import open_parquet_shard
from export.settings import ShardFormat
from export.shard_files import ShardWriter
from export.webdataset_shards import SUFFIX as TAR_SUFFIX
from export.webdataset_shards import open_tar_shard

__all__ = ["WITHOUT_MEDIA", "WRITERS"]

WRITERS: Mapping[ShardFormat, tuple[str, Callable[[Path], ShardWriter]]] = MappingProxyType(
    {
        "parquet": (PARQUET_SUFFIX, open_parquet_shard),
        "webdataset": (TAR_SUFFIX, open_tar_shard),
        "links": (LINKS_SUFFIX, LinkShard),
        "m5product": (RECORDS_SUFFIX, M5ProductShard),
        "mep3m": (RECORDS_SUFFIX, Mep3mShard),
    }
)
"""Format -> suffix of its files, and what writes one."""

WITHOUT_MEDIA: frozenset[ShardFormat] = frozenset({"links", "m5product", "mep3m"})
"""Formats that name media by their addresses: no bytes are read for them."""
