"""A file that is written past the page cache, and whose SHA-256 is taken meanwhile."""

import errno
import fcntl
import hashlib
import mmap
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from pathlib import Path

import numpy as np

__all__ = ["HashedFile", "Piece"]

_BLOCK = 1 << 20
"""Bytes that are written at once: a multiple of every disk's sector, and few enough for a core's own cache."""
_BLOCKS = 4  # one is filled while others are written and hashed
_DIRECT = getattr(os, "O_DIRECT", 0)  # Linux has it


Piece = bytes | memoryview
"""Bytes; a view is one of single bytes."""


class _Block:
    """Bytes on their way into the file; the memory begins at a page, as direct writing wants it."""

    def __init__(self) -> None:
        self.memory = np.frombuffer(mmap.mmap(-1, _BLOCK), dtype=np.uint8)
        self.pending: list[Future[None]] = []

    def settle(self) -> None:
        """Wait until the bytes are written and hashed.

        Raises:
            OSError: They could not be written.
        """
        for future in self.pending:
            future.result()
        self.pending.clear()


class HashedFile:
    """A new file at ``path``: one thread writes blocks, one hashes them, both beside whoever makes the next.

    A shard is read again much later, if at all: through the page cache its bytes would be copied once more, and
    push out what is worth keeping. Where a file system knows no direct writing, the cache is used.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        _write_directly(self._file, wanted=True)
        self._hash = hashlib.sha256()
        self._writing, self._hashing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._blocks = [_Block() for _ in range(_BLOCKS)]
        self._filled = 0

    def write(self, pieces: Sequence[Piece]) -> int:
        """Write pieces one after the other; return their bytes together."""
        for piece in pieces:
            self._take(piece)
        return sum(map(len, pieces))

    def close(self) -> str:
        """Close the file and return its SHA-256.

        Raises:
            OSError: Something could not be written.
        """
        try:
            for block in self._blocks[1:]:
                block.settle()
            _write_directly(self._file, wanted=False)  # what is left need not be whole sectors
            self._send(self._filled)
            self._blocks[-1].settle()
        finally:
            self._writing.shutdown()
            self._hashing.shutdown()
            self._file.close()
        return self._hash.hexdigest()

    def _take(self, piece: Piece) -> None:
        """Copy a piece into blocks, and send off each that is full."""
        given, start = np.frombuffer(piece, dtype=np.uint8), 0  # NumPy lets other threads go on while it copies
        while start < len(piece):
            stop = min(len(piece), start + _BLOCK - self._filled)
            filled = self._filled + stop - start
            self._blocks[0].memory[self._filled : filled] = given[start:stop]
            start, self._filled = stop, filled
            if filled == _BLOCK:
                self._send(filled)

    def _send(self, filled: int) -> None:
        """Have the block that is being filled written and hashed, and go on in the one that was sent first."""
        block = self._blocks.pop(0)
        full = block.memory[:filled].data
        block.pending = [
            self._writing.submit(_write_all, self._file, full),
            self._hashing.submit(self._hash.update, full),
        ]
        self._blocks.append(block)
        self._blocks[0].settle()
        self._filled = 0


def _write_all(file: FileIO, full: memoryview) -> None:
    while full:
        full = full[file.write(full) :]


def _write_directly(file: FileIO, *, wanted: bool) -> None:
    """Ask the file system to write past its cache, or not to."""
    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    try:
        fcntl.fcntl(file, fcntl.F_SETFL, flags | _DIRECT if wanted else flags & ~_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:  # the file system cannot
            raise
