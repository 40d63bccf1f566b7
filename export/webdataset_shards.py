"""WebDataset shards: plain ustar files with the same five members in every sample that has an image.

A sample ``00000042`` has ``.json`` (caption, specifications, labels, which modalities are
present), ``.image.jpg``, ``.frames.mjpeg`` (concatenated JPEGs; offsets in the JSON),
``.audio.mpga`` (mp3 by its other registered name: ``.mp3`` makes Hugging Face's loader ask for torch)
and ``.mfcc.npy`` ([n_mfcc, T]). An absent modality is an empty member (MFCC: an array of no
columns), because Hugging Face's loader drops members that the first samples lack. The image is the
exception: decoders fail on an empty file, so its member is left out. Samples without one come last in their
split, in shards of their own, because that loader refuses a shard whose first samples have different members.
"""

import errno
import fcntl
import hashlib
import json
import mmap
import os
import tarfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from pathlib import Path

import numpy as np

from core.errors import DataError
from core.modalities import Payload, Sample, modalities
from core.tar import BLOCK

__all__ = ["END", "SUFFIX", "HashedFile", "Piece", "TarShard", "member", "members_of", "open_tar_shard"]

_WRITTEN = 1 << 20
"""Bytes per write: a multiple of every disk's sector size, and few enough for a core's own cache."""
_BUFFERS = 4  # one is filled while others are written and hashed
_DIRECT = getattr(os, "O_DIRECT", 0)  # on Linux


Piece = bytes | memoryview
"""Bytes; a view must be of single bytes."""


class _Buffer:
    """Bytes on their way to the file, in memory aligned to a page, as direct I/O requires."""

    def __init__(self) -> None:
        self.memory = np.frombuffer(mmap.mmap(-1, _WRITTEN), dtype=np.uint8)
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
    """A new file at ``path``: one thread writes blocks and one hashes them, while the caller fills the next.

    Writes bypass the page cache: a shard is read again much later, if at all, and the cache would copy its bytes once
    more and evict more useful ones. A file system without direct I/O uses the cache.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        _write_directly(self._file, direct=True)
        self._hash = hashlib.sha256()
        self._writing, self._hashing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._blocks = [_Buffer() for _ in range(_BUFFERS)]
        self._filled = 0

    def write(self, pieces: Sequence[Piece]) -> None:
        """Write pieces in order."""
        for piece in pieces:
            self._take(piece)

    def close(self) -> str:
        """Close the file and return its SHA-256.

        Raises:
            OSError: Something could not be written.
        """
        try:
            for block in self._blocks[1:]:
                block.settle()
            _write_directly(self._file, direct=False)  # the rest need not be whole sectors
            self._send(self._filled)
            self._blocks[-1].settle()
        finally:
            self._writing.shutdown()
            self._hashing.shutdown()
            self._file.close()
        return self._hash.hexdigest()

    def _take(self, piece: Piece) -> None:
        """Copy a piece into blocks, and send each full one."""
        given, start = np.frombuffer(piece, dtype=np.uint8), 0  # NumPy releases the GIL while it copies
        while start < len(piece):
            stop = min(len(piece), start + _WRITTEN - self._filled)
            filled = self._filled + stop - start
            self._blocks[0].memory[self._filled : filled] = given[start:stop]
            start, self._filled = stop, filled
            if filled == _WRITTEN:
                self._send(filled)

    def _send(self, filled: int) -> None:
        """Submit the current block for writing and hashing, and continue in the oldest one once it is done."""
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


def _write_directly(file: FileIO, *, direct: bool) -> None:
    """Ask the file system to write past its cache, or not to."""
    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    try:
        fcntl.fcntl(file, fcntl.F_SETFL, flags | _DIRECT if direct else flags & ~_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:  # not supported by the file system
            raise


SUFFIX = ".tar"
END = bytes(2 * BLOCK)
"""End of a tar file."""

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_HEADER = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT)
_SUM = int(_HEADER[148:154], 8) - sum(_HEADER[124:135])


class TarShard:
    """One tar file; headers carry neither time nor owner, so equal samples give equal bytes."""

    def __init__(self, path: Path) -> None:
        self._file = HashedFile(path)

    def add(self, sample: Sample, number: int) -> None:
        """Write the members of a sample."""
        pieces: list[Piece] = []
        for extension, parts in members_of(sample):
            pieces += member(f"{number:08d}.{extension}", parts)
        self._file.write(pieces)

    def close(self) -> str:
        """Write the two empty blocks that end a tar file; return its SHA-256."""
        self._file.write([END])
        return self._file.close()


def member(name: str, parts: Sequence[Piece]) -> list[Piece]:
    """Return the pieces of one member: header, parts of its payload, padding.

    Raises:
        DataError: The payload has 8 GiB or more, which a plain tar header cannot express.
    """
    size = sum(len(part) for part in parts)
    if size >> 33:
        raise DataError(f"{name}: a member of a tar file must be smaller than 8 GiB; this one has {size:,} bytes.")
    return [_header(name.encode(), size), *parts, bytes(-size % BLOCK)]


def _header(name: bytes, size: int) -> bytes:
    """Return the header that ``tarfile`` would write, made faster by filling in a prepared one."""
    digits = b"%011o" % size
    total = _SUM + sum(name) + sum(digits)
    return b"".join(
        (name.ljust(100, b"\0"), _HEADER[100:124], digits, _HEADER[135:148], b"%06o\0 " % total, _HEADER[156:])
    )


def open_tar_shard(path: Path) -> TarShard:
    """Open a new tar shard at ``path``."""
    return TarShard(path)


def members_of(sample: Sample) -> tuple[tuple[str, Payload], ...]:
    """Return the extension and payload of each member of a sample, in order; a payload is a sequence of parts."""
    payloads = ((m.extension, m.payload(sample)) for modality in modalities() for m in modality.members)
    present = ((extension, payload) for extension, payload in payloads if payload is not None)
    return (("json", [_encode(_facts(sample)).encode()]), *present)


def _facts(sample: Sample) -> dict[str, object]:
    return {
        "product_id": sample.product_id,
        "split": sample.split,
        "role": sample.role,
        "label": sample.label,
        "label_level": sample.label_level,
        "group_id": sample.group_id,
        "source": sample.source,
        "url": sample.url,
        "licence": sample.licence,
        "purposes": list(sample.purposes),
        **sample.classes,
        "present": sample.present,
        **{name: value for modality in modalities() for name, value in modality.json(sample).items()},
    }
