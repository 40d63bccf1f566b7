"""Files of rows that one query makes: DuckDB yields the rows of all splits in one pass, and they are written so.

A row has a column ``line``: its text in a file of lines. Its length in bytes also decides where a file ends, so that
the files of a format with lines and of one with tables hold the same rows.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.files import file_sha256
from export.folders import Folder, open_folder
from export.shards import Shard, Target
from storage.spool import Spool

__all__ = ["LINE", "LineFile", "OpenRowFile", "RowFile", "TableFile", "by_split", "write_row_files"]

LINE = "line"
"""Column with the text of each row, its end included."""
_ROWS_A_GROUP = 10_000


class RowFile(Protocol):
    """Writer of one file."""

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows."""

    def close(self) -> str:
        """Finish the file and return its SHA-256."""


OpenRowFile = Callable[[Path], RowFile]


class LineFile:
    """A file of the rows' lines."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._digest = hashlib.sha256()

    def add(self, rows: pa.RecordBatch) -> None:
        """Add the lines of rows."""
        lines = rows[LINE]
        _, ends, content = lines.buffers()
        if content is None:
            return
        offsets = np.frombuffer(ends, np.int32)
        text = memoryview(content)[offsets[lines.offset] : offsets[lines.offset + len(lines)]]
        self._file.write(text)
        self._digest.update(text)

    def close(self) -> str:
        """Finish the file and return its SHA-256."""
        self._file.close()
        return self._digest.hexdigest()


class TableFile:
    """A Parquet file of the rows' other columns, with row groups of 10,000 rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[pa.RecordBatch] = []
        self._count = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows."""
        rows = rows.drop_columns([LINE])
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path, rows.schema, compression="zstd", write_statistics=["product_id"]
            )
        self._rows.append(rows)
        self._count += len(rows)
        if self._count >= _ROWS_A_GROUP:
            self._flush(self._count - self._count % _ROWS_A_GROUP)

    def close(self) -> str:
        """Finish the file and return its SHA-256."""
        self._flush(self._count)
        if self._writer is not None:
            self._writer.close()
        return file_sha256(self._path)

    def _flush(self, rows: int) -> None:
        if self._writer is not None and rows:
            table = pa.Table.from_batches(self._rows)
            self._writer.write_table(table.slice(0, rows), row_group_size=_ROWS_A_GROUP)
            self._rows, self._count = table.slice(rows).to_batches(), self._count - rows


def by_split(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the rows of a batch that is sorted by its column ``split``, those of each split with its name."""
    splits = batch["split"].dictionary_encode()
    codes = splits.indices.to_numpy()
    ends = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for begin, end in pairwise((0, *ends)):
        if begin < end:
            yield splits.dictionary[int(codes[begin])].as_py(), batch.slice(begin, end - begin)


def write_row_files(
    target: Target, rows: Iterator[tuple[str, pa.RecordBatch]], folders: Collection[str], spool: Spool,
    done: Callable[[int], None], open_file: OpenRowFile, suffix: str,
) -> dict[str, list[Shard]]:  # fmt: skip
    """Write rows to files, and return folder -> its files.

    A file ends with the row whose line brings it to the target's maximum size or beyond.

    Args:
        target: Destination.
        rows: Batches of rows, each with the name of its folder.
        folders: All folders.
        spool: Records finished files, including those of a killed run, which are not written again.
        done: Called with the number of rows of each finished file.
        open_file: Opens a new file.
        suffix: Suffix of the files' names.
    """
    with open_folder(target.place) as place:
        writers = {name: _Writer(target, place, name, spool, done, open_file, suffix) for name in folders}
        try:
            for name, batch in rows:
                writers[name].add(batch)
            return {name: writer.end() for name, writer in writers.items()}
        finally:
            for writer in writers.values():
                writer.close()


class _Writer:
    """Writes the files of one folder."""

    def __init__(
        self, target: Target, folder: Folder, name: str, spool: Spool, done: Callable[[int], None],
        open_file: OpenRowFile, suffix: str,
    ) -> None:  # fmt: skip
        self._target, self._folder, self._name, self._spool, self._done = target, folder, name, spool, done
        self._open_file, self._suffix = open_file, suffix
        self._files: list[Shard] = []
        self._draft: RowFile | None = None
        self._there: Shard | None = None
        self._rows = self._bytes = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Write rows, to as many files as they fill."""
        ends = np.cumsum(pc.binary_length(rows[LINE]).to_numpy(zero_copy_only=False), dtype=np.int64)
        begin, before = 0, 0
        while begin < len(rows):
            room = self._target.max_bytes - self._bytes
            end = min(int(np.searchsorted(ends, before + room)) + 1, len(rows))
            self._write(rows.slice(begin, end - begin), int(ends[end - 1]) - before)
            begin, before = end, int(ends[end - 1])
            if self._bytes >= self._target.max_bytes:
                self._finish()

    def end(self) -> list[Shard]:
        """Finish the last file, and return all files."""
        if self._rows:
            self._finish()
        return self._files

    def close(self) -> None:
        """Close an unfinished file."""
        if self._draft is not None:
            self._draft.close()

    @property
    def _file(self) -> str:
        return f"{len(self._files):05d}{self._suffix}"

    def _write(self, rows: pa.RecordBatch, size: int) -> None:
        if not self._rows:
            self._begin()
        if self._draft is not None:
            self._draft.add(rows)
        self._rows += len(rows)
        self._bytes += size

    def _begin(self) -> None:
        """Open the next file, unless a killed run finished it."""
        name = f"{self._name}/{self._file}"
        tables = self._spool.get(f"{self._target.form}/{name}", self._target.fingerprint)
        finished = None if tables is None else Shard(**tables["shards"].to_pylist()[0])
        there = self._target.claim.there.get(name)
        self._there = finished if finished and there and there.size == finished.bytes else None
        if self._there is None:
            self._target.claim.expect(self._name, len(self._files), self._suffix)
            self._draft = self._open_file(self._folder.draft(name))

    def _finish(self) -> None:
        name = f"{self._name}/{self._file}"
        if self._draft is not None:
            self._there = self._publish(name, self._draft)
        if self._there is not None:
            self._target.claim.keep(name)
            self._files.append(self._there)
            self._done(self._rows)
        self._draft, self._there, self._rows, self._bytes = None, None, 0, 0

    def _publish(self, name: str, file: RowFile) -> Shard:
        """Publish the draft of a file and record that it is finished."""
        digest, draft = file.close(), self._folder.draft(name)
        shard = Shard(self._file, self._rows, draft.stat().st_size, digest)
        there = self._target.claim.there.get(name)
        self._folder.publish(draft, name, there.etag if there else None)
        result = {"shards": pa.Table.from_pylist([asdict(shard)])}
        self._spool.put(f"{self._target.form}/{name}", self._target.fingerprint, result)
        return shard
