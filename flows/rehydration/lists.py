"""Lists of links that others published: a file that ``ingest`` reads, or the folder that img2dataset wrote.

Such a list has no splits, and at most a hash of each image: img2dataset's ``sha256`` is that of the file as it came.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.engine import open_engine, text
from core.errors import DataError
from export.links import IMAGES, VIDEOS
from storage import Snapshot

__all__ = ["LinkList", "ListedMedia", "as_feed", "is_download", "listed_media", "open_list"]

_SHARDS = "*.parquet"
_STATS = "*_stats.json"
_GROUPED = """
    SELECT any_value(id) AS id, any_value(url ORDER BY place) AS url, any_value(caption) AS title,
        list(url ORDER BY place) AS image_urls
    FROM (
        SELECT {id} AS id, url, {caption} AS caption, {position} AS place
        FROM read_parquet([{files}], union_by_name = true) WHERE url IS NOT NULL
    )
    GROUP BY id ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class LinkList:
    """A list of links, and the source that its products belong to."""

    path: Path
    """The file, or the folder of img2dataset."""
    source: str


@dataclass(frozen=True, slots=True)
class ListedMedia:
    """What a list says about the files of the products that were made from it."""

    files: Sequence[tuple[str, str]]
    """Kind and path of each file of media."""

    def media(self) -> Iterator[tuple[str, str]]:
        """Yield the kind and path of each file of media."""
        yield from self.files

    def relation(self, kind: str, files: Sequence[str] | None = None) -> str:
        """Return a query of the rows of one kind, or of some of its files."""
        paths = [path for one, path in self.files if one == kind] if files is None else files
        return f"SELECT * FROM read_parquet([{', '.join(map(text, paths))}])"  # noqa: S608 - quoted


def is_download(path: Path) -> bool:
    """Return whether a folder is what img2dataset wrote."""
    return path.is_dir() and any(path.glob(_STATS)) and any(path.glob(_SHARDS))


def open_list(path: Path, source: str) -> LinkList:
    """Return the list in a file or folder.

    Raises:
        DataError: It is neither a file nor a folder of img2dataset.
    """
    if not path.is_file() and not is_download(path):
        raise DataError(
            f"{path}: no list of links. Name the folder of an export in the format links, the folder that img2dataset "
            "wrote, or a file that m5data ingest reads."
        )
    return LinkList(path, source)


@contextmanager
def as_feed(found: LinkList) -> Iterator[Path]:
    """Yield a file that ``ingest`` reads.

    A row of img2dataset is a product by its ``product_id``, if the list had one, as those of m5data have; else by its
    ``key``. Rows of one product are its images, by ``position``.

    Raises:
        DataError: The folder cannot be read.
    """
    if found.path.is_file():
        yield found.path
        return
    with TemporaryDirectory(prefix="list-") as folder, open_engine() as engine:
        target = Path(folder) / f"{found.path.name or 'img2dataset'}.jsonl"
        files = ", ".join(text(str(path)) for path in _shards(found.path))
        try:
            columns = engine.sql(f"FROM read_parquet([{files}], union_by_name = true) LIMIT 0").columns
            parts = {
                "id": "regexp_replace(product_id, '^[^:]*:', '')" if "product_id" in columns else '"key"',
                "caption": "caption" if "caption" in columns else "NULL::VARCHAR",
                "position": "position" if "position" in columns else "0",
            }
            query = _GROUPED.format(files=files, **parts)
            engine.execute(f"COPY ({query}) TO {text(str(target))} (FORMAT json)")
        except duckdb.Error as error:
            raise DataError(f"{found.path}: its files cannot be read: {str(error).splitlines()[0]}") from error
        yield target


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob(_SHARDS))


_LISTED = """
    SELECT m.product_id, m.kind, m.position, m.url, p.source, h.sha256, NULL::BIGINT AS phash,
        NULL::STRUCT("second" INTEGER, pts_s DOUBLE, phash BIGINT)[] AS frames,
        NULL::VARCHAR AS frames_sha256, NULL::VARCHAR AS mp3_sha256, NULL::VARCHAR AS mfcc_sha256
    FROM media m JOIN products p USING (product_id) LEFT JOIN hashes h ON h.url = m.url
    WHERE p.source = $source AND m.kind = $kind ORDER BY ALL
"""


@contextmanager
def listed_media(found: LinkList, snapshot: Snapshot) -> Iterator[ListedMedia]:
    """Yield what a list says about the images and videos of its products."""
    hashes = _hashes(found.path)
    with TemporaryDirectory(prefix="list-") as folder:
        files = []
        for kind, medium in ((IMAGES, "image"), (VIDEOS, "video")):
            path = Path(folder) / f"{medium}.parquet"
            query = _LISTED.replace("$source", text(found.source)).replace("$kind", text(medium))
            reader = snapshot.batches(query, given={"hashes": hashes})
            with pq.ParquetWriter(path, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
            files.append((kind, str(path)))
        yield ListedMedia(tuple(files))


def _hashes(path: Path) -> pa.Table:
    """Return the hash of each URL of img2dataset's folder; other lists have none."""
    nothing = pa.table({"url": pa.array([], pa.string()), "sha256": pa.array([], pa.string())})
    if not path.is_dir():
        return nothing
    with open_engine() as engine:
        files = ", ".join(text(str(one)) for one in _shards(path))
        relation = f"read_parquet([{files}], union_by_name = true)"
        if "sha256" not in engine.sql(f"FROM {relation} LIMIT 0").columns:
            return nothing
        query = f"SELECT url, any_value(sha256) AS sha256 FROM {relation} WHERE sha256 IS NOT NULL GROUP BY url"  # noqa: S608
        return engine.sql(query).to_arrow_table()
