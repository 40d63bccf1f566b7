"""Number of threads that a network is worth."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

__all__ = ["sensible_threads"]

SMALL = 256
"""Width below which the steps of a network are too short to be shared by threads, which then wait for each other."""


@contextmanager
def sensible_threads(width: int) -> Iterator[None]:
    """Compute with one thread for a network of less than ``SMALL`` width, unless ``OMP_NUM_THREADS`` is set."""
    if width >= SMALL or "OMP_NUM_THREADS" in os.environ:
        yield
        return
    before = torch.get_num_threads()
    with threadpool_limits(limits=1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
