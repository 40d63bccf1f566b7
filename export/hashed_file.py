"""A file whose SHA-256 is taken while it is written, in a thread of its own."""

import hashlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

__all__ = ["HashedFile", "file_sha256"]

_BUFFER = 1 << 20
_MOST_WAITING = 32  # writes that are not hashed yet


class HashedFile:
    """A new file at ``path``; hashing runs beside writing, and at most a few writes behind."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=_BUFFER)
        self._hash = hashlib.sha256()
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def write(self, pieces: Sequence[bytes]) -> int:
        """Write pieces one after the other; return their bytes together."""
        self._file.writelines(pieces)
        self._waiting.append(self._pool.submit(self._take, pieces))
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft().result()
        return sum(len(piece) for piece in pieces)

    def close(self) -> str:
        """Close the file and return its SHA-256."""
        self._file.close()
        self._pool.shutdown()
        while self._waiting:
            self._waiting.popleft().result()
        return self._hash.hexdigest()

    def _take(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._hash.update(piece)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
