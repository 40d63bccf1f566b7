"""A line for whoever waits while much is on its way."""

import logging
from collections.abc import Collection

__all__ = ["tell_if_large"]

_LARGE = 200_000_000
_LOG = logging.getLogger(__name__)


def tell_if_large(address: str, verb: str, sizes: Collection[int]) -> None:
    """Say that files are fetched or stored, where they are large together; on standard error unless it is logged.

    Args:
        address: Of the store.
        verb: What is done.
        sizes: Bytes of each file.
    """
    if sum(sizes) > _LARGE:
        _LOG.warning("%s: %s %s files, %.1f GB", address, verb, f"{len(sizes):,}", sum(sizes) / 1e9)
