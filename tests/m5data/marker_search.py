"""Search for words in the decoded content of every file of a workspace."""

import gzip
import sqlite3
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
from warcio.archiveiterator import ArchiveIterator

__all__ = ["places_with"]

_SPOKEN = "utf-8"


def places_with(folder: Path, words: Iterable[str], *, but: Iterable[str] = ()) -> list[str]:
    """Return ``file: word`` for each word found in a file, whatever its format.

    Args:
        folder: The workspace.
        words: Words to search for.
        but: Top-level names to skip.
    """
    searched, skipped = [word.encode() for word in words], set(but)
    found = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder)
        if name.parts[0] not in skipped:
            found |= {f"{name}: {w.decode()}" for content in _contents(path) for w in searched if w in content}
    return sorted(found)


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()  # of a database: every page, including unused ones
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            yield str(file.read().to_pylist()).encode()  # every page of every column, also of Delta checkpoints
            yield str(file.metadata.to_dict()).encode()
    elif ".warc" in path.name:
        yield from _records(path)
    elif path.suffix == ".tar":
        with tarfile.open(path) as tar:
            for member in tar:
                yield member.name.encode()
                yield from (file.read() for file in [tar.extractfile(member)] if file)
    elif zipfile.is_zipfile(path):  # also arrays of NumPy and models of PyTorch
        with zipfile.ZipFile(path) as archive:
            yield from (name.encode() + archive.read(name) for name in archive.namelist())
    elif path.suffix in {".sqlite", ".db"}:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            yield "\n".join(connection.iterdump()).encode()
    elif path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            yield str(record.rec_headers).encode() + str(record.http_headers).encode()
            body = record.content_stream().read()
            yield gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
