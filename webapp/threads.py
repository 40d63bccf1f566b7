"""Blocking work, kept off the event loop and apart: slow reading never holds up an answer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

__all__ = ["Threads"]

Given = ParamSpec("Given")
Result = TypeVar("Result")

_WRITING = 32
"""Answers that may wait for one sync of the disk together."""
_READING = 4


class Threads:
    """Two pools of threads; what finds none free waits in order."""

    def __init__(self) -> None:
        self._writing = ThreadPoolExecutor(_WRITING, "writing")
        self._reading = ThreadPoolExecutor(_READING, "reading")

    async def write(self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Run a short transaction."""
        return await _run(self._writing, call, *args, **kwargs)

    async def read(self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Run something that reads tables or objects."""
        return await _run(self._reading, call, *args, **kwargs)

    def close(self) -> None:
        """Wait for what runs; what has not begun is given up: nobody was told that it is done."""
        for pool in (self._writing, self._reading):
            pool.shutdown(wait=True, cancel_futures=True)


async def _run(
    pool: ThreadPoolExecutor, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: call(*args, **kwargs))
