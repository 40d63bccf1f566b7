"""Product1M's link files: DuckDB makes the lines of all splits in one pass, and they are written as they arrive.

A line is ``id#####title#####url#####ossurl#####label#;#label#####train#;#search``: ``url`` is that of the page,
``ossurl`` that of the image, labels are the names of the hierarchy's levels, and the last field lists the purposes that
the sample may be used for. A line has no field for the licence, but its id begins with the source, whose licence the
card names.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from core.modalities import modalities
from core.usage import PURPOSES
from export.chosen import CHOSEN, Chosen
from export.folders import Folder, open_folder
from export.paper_records import plain_sql
from export.rights import Use
from export.shards import Shard, Target
from storage import Snapshot
from storage.spool import Spool
from storage.views import REFUSALS_SQL

__all__ = ["LINKS", "link_lines", "write_link_files"]

LINKS = "links"
"""Name of the format."""
_SUFFIX = ".txt"
_LABELS = ", ".join(
    f"CASE WHEN l.{level}_name <> '' THEN {plain_sql(f'l.{level}_name')} END"
    for level in ("class", "sub_class", "subsub_class")
)
_PURPOSES = ", ".join(f"CASE WHEN r.{one} IS NOT true THEN '{one}' END" for one in PURPOSES)
_FIELDS = (
    *map(plain_sql, ("c.product_id", "coalesce(p.caption, '')", "p.url", "coalesce(i.shown.url, '')")),
    f"concat_ws('#;#', {_LABELS})",
    f"concat_ws('#;#', {_PURPOSES})",
)
_QUERY = f"""
WITH chosen AS (SELECT * FROM {CHOSEN}), main_image AS (@images), refusals AS ({REFUSALS_SQL})
SELECT c.split, concat_ws('#####', {", ".join(_FIELDS)}) || chr(10) AS line
FROM chosen c JOIN products p USING (product_id) LEFT JOIN labels l USING (product_id)
    LEFT JOIN main_image i USING (product_id) LEFT JOIN refusals r USING (product_id)
ORDER BY c.split, c.bucket, md5_number_upper(c.product_id), c.product_id
"""  # noqa: S608 - constants


def link_lines(
    snapshot: Snapshot, recipe: str, splits: Sequence[str], where: str | None, use: Use
) -> Iterator[tuple[str, pa.StringArray]]:
    """Yield the lines of splits in batches, each of one split and with its name.

    The lines of a split are ordered by the bucket of their product, then by the md5 of its id, so that files are mixed.

    Args:
        snapshot: The dataset version.
        recipe: The recipe.
        splits: Its splits.
        where: SQL condition over the view ``catalogue`` that the products must meet; None: all.
        use: Samples whose use is refused are left out.

    Raises:
        QueryError: The condition is wrong.
    """
    images = next(one.tables["main_image"] for one in modalities() if one.name == "image")
    query = _QUERY.replace("@images", images)
    with Chosen(snapshot, recipe, splits, where, use) as chosen:
        for own in chosen.bucket_ranges():
            rows = chosen.rows(f"bucket between {own[0]} and {own[-1]}")
            for batch in snapshot.batches(query, given={CHOSEN: rows}, buckets=own):
                yield from _by_split(batch)


def _by_split(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.StringArray]]:
    """Yield the lines of a batch, grouped by split."""
    splits = batch["split"].dictionary_encode()
    codes = splits.indices.to_numpy()
    ends = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for begin, end in pairwise((0, *ends)):
        yield splits.dictionary[int(codes[begin])].as_py(), batch["line"].slice(begin, end - begin)


def write_link_files(
    target: Target, rows: Iterator[tuple[str, pa.StringArray]], splits: Collection[str], spool: Spool,
    done: Callable[[int], None],
) -> dict[str, list[Shard]]:  # fmt: skip
    """Write lines to files, and return split -> its files.

    A file ends with the line that brings it to the target's maximum size or beyond.

    Args:
        target: Destination.
        rows: Batches of lines, each with the name of its split.
        splits: All splits.
        spool: Records finished files, including those of a killed run, which are not written again.
        done: Called with the number of lines of each finished file.
    """
    with open_folder(target.place) as folder:
        writers = {split: _Writer(target, folder, split, spool, done) for split in splits}
        try:
            for split, lines in rows:
                writers[split].add(lines)
            return {split: writer.end() for split, writer in writers.items()}
        finally:
            for writer in writers.values():
                writer.close()


class _Writer:
    """Writes the files of one split."""

    def __init__(self, target: Target, folder: Folder, split: str, spool: Spool, done: Callable[[int], None]) -> None:
        self._target, self._folder, self._split, self._spool, self._done = target, folder, split, spool, done
        self._files: list[Shard] = []
        self._draft: BinaryIO | None = None
        self._there: Shard | None = None
        self._digest = hashlib.sha256()
        self._lines = self._bytes = 0

    def add(self, lines: pa.StringArray) -> None:
        """Write lines, to as many files as they fill."""
        ends = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1].astype(
            np.int64
        )
        content, begin = memoryview(lines.buffers()[2]), 0
        while begin < len(lines):
            room = self._target.max_bytes - self._bytes
            end = min(int(np.searchsorted(ends, ends[begin] + room)), len(lines))
            self._write(content[ends[begin] : ends[end]], end - begin)
            begin = end
            if self._bytes >= self._target.max_bytes:
                self._finish()

    def end(self) -> list[Shard]:
        """Finish the last file, and return all files."""
        if self._lines:
            self._finish()
        return self._files

    def close(self) -> None:
        """Close an unfinished file."""
        if self._draft is not None:
            self._draft.close()

    @property
    def _file(self) -> str:
        return f"{len(self._files):05d}{_SUFFIX}"

    def _write(self, content: memoryview, lines: int) -> None:
        if not self._lines:
            self._begin()
        if self._draft is not None:
            self._draft.write(content)
            self._digest.update(content)
        self._lines += lines
        self._bytes += len(content)

    def _begin(self) -> None:
        """Open the next file, unless a killed run finished it."""
        tables = self._spool.get(f"{LINKS}/{self._split}/{self._file}", self._target.fingerprint)
        finished = None if tables is None else Shard(**tables["shards"].to_pylist()[0])
        there = self._target.claim.there.get(f"{self._split}/{self._file}")
        self._there = finished if finished and there and there.size == finished.bytes else None
        if self._there is None:
            self._target.claim.expect(self._split, len(self._files), _SUFFIX)
            self._draft = self._folder.draft(f"{self._split}/{self._file}").open("wb")

    def _finish(self) -> None:
        name = f"{self._split}/{self._file}"
        shard = self._there or Shard(self._file, self._lines, self._bytes, self._digest.hexdigest())
        if self._draft is not None:
            self._draft.close()
            there = self._target.claim.there.get(name)
            self._folder.publish(self._folder.draft(name), name, there.etag if there else None)
            result = {"shards": pa.Table.from_pylist([asdict(shard)])}
            self._spool.put(f"{LINKS}/{name}", self._target.fingerprint, result)
        self._target.claim.keep(name)
        self._files.append(shard)
        self._done(self._lines)
        self._draft, self._digest, self._lines, self._bytes = None, hashlib.sha256(), 0, 0
