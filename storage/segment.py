"""WARC segment files: append-only, each with one writer at a time."""

import fcntl
import gzip
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from storage.durable import sync_folder
from storage.object_index import ObjectKind

__all__ = ["Segment", "open_segment", "segment_name", "sweep_segments"]

_BUFFER = 1 << 20
_GZIP_LEVEL = 6
_SUFFIX: Mapping[ObjectKind, str] = {"page": ".warc.gz", "media": ".warc", "derived": ".warc"}


def segment_name(kind: ObjectKind, number: int) -> str:
    """Return the file name of a segment."""
    return f"{kind}-{number:06}{_SUFFIX[kind]}"


class Segment:
    """One segment file, locked for this writer until closed."""

    def __init__(self, path: Path, descriptor: int, length: int) -> None:
        self.name = path.name
        self.length = length
        """Bytes, written or still in the buffer."""
        self.compressed = path.suffix == ".gz"
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._folder = path.parent
        os.lseek(descriptor, length, os.SEEK_SET)

    def append(self, *parts: bytes) -> tuple[int, int]:
        """Append one record, given in parts; return where it starts and how long it is, in bytes as stored."""
        start = self.length
        if self.compressed:
            self._write(gzip.compress(b"".join(parts), _GZIP_LEVEL, mtime=0))
        else:
            for part in parts:
                self._write(part)
        return start, self.length - start

    def sync(self) -> None:
        """Wait until everything appended, and the file's name, are on the disk."""
        self._drain()
        os.fsync(self._descriptor)
        sync_folder(self._folder)

    def close(self) -> None:
        """Release the file; what was not synced is lost."""
        os.close(self._descriptor)

    def _write(self, part: bytes) -> None:
        if len(self._buffer) + len(part) > _BUFFER:
            self._drain()
        if len(part) > _BUFFER:
            _write_all(self._descriptor, part)
        else:
            self._buffer += part
        self.length += len(part)

    def _drain(self) -> None:
        _write_all(self._descriptor, self._buffer)
        self._buffer = bytearray()


def open_segment(folder: Path, kind: ObjectKind, lengths: Callable[[], Mapping[str, int]], limit: int) -> Segment:
    """Open the first segment of ``kind`` that is here, is not full and that no one else writes to, or a new one.

    Args:
        folder: Where segments lie.
        kind: What it holds.
        lengths: Gives segment -> length that the index vouches for; bytes beyond are a dead writer's.
        limit: Bytes from which a segment is full.
    """
    known = lengths()
    number = 0
    while True:
        number += 1
        path = folder / segment_name(kind, number)
        if known.get(path.name, 0) >= limit or (path.name in known and not path.exists()):
            continue
        descriptor = _lock(path, kind)
        if descriptor is None:
            continue
        length = lengths().get(path.name, 0)  # asked again: it may have grown until it was locked
        if length < limit:
            os.ftruncate(descriptor, length)
            return Segment(path, descriptor, length)
        os.close(descriptor)


def sweep_segments(folder: Path, known: Mapping[str, int]) -> None:
    """Remove what dead writers left: segments that the index does not know, and bytes beyond its lengths."""
    for path in sorted(folder.iterdir()):
        descriptor = _lock(path, None)
        if descriptor is None:
            continue
        if path.name not in known:
            path.unlink()
        elif os.fstat(descriptor).st_size > known[path.name]:
            os.ftruncate(descriptor, known[path.name])
        os.close(descriptor)


def _lock(path: Path, kind: ObjectKind | None) -> int | None:
    """Open and lock a segment, None where someone holds it; create it where ``kind`` is given."""
    private = 0o600 if kind == "page" else 0o666
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if kind else 0), private)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if os.fstat(descriptor).st_nlink == 0:  # swept between opening and locking
        os.close(descriptor)
        return _lock(path, kind)
    return descriptor


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
