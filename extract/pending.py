"""Objects that still need extraction, and results that are taken over from the last run."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count

import duckdb

from extract.engine import Item
from extract.partitions import MediaPartition
from extract.settings import ExtractSettings
from m5data.errors import CorruptObjectError, MissingSegmentError
from m5data.records import MediaKind
from storage import Snapshot, Store

__all__ = [
    "TABLES_READ",
    "PendingObjects",
    "is_restored",
    "items_of_a_task",
    "keep_known",
    "list_new",
    "open_results",
    "partitions",
    "pending_objects",
]

TABLES_READ = ("media", "frames", "audio", "images", "rejects", "objects")
_RESULTS = """
CREATE TEMP TABLE wanted AS
    SELECT DISTINCT product_id, position, kind, sha256, bytes FROM media WHERE state = 'ok' AND sha256 IS NOT NULL;
CREATE TEMP TABLE frame_results AS
    SELECT video_sha256, second, pts_s, width, height, phash, object, "offset", length FROM frames LIMIT 0;
CREATE TEMP TABLE audio_results AS
    SELECT video_sha256, mp3, sample_rate, duration_s, mfcc, n_mfcc, mfcc_frames, mfcc_settings FROM audio LIMIT 0;
CREATE TEMP TABLE image_results AS
    SELECT sha256, width, height, phash, size_group, sharpness, blank_share,
        border_share, margin_detail, pixels
    FROM images LIMIT 0;
CREATE TEMP TABLE fault_results AS SELECT item, reason, detail FROM rejects LIMIT 0;
"""

_KNOWN = """
INSERT INTO frame_results
    SELECT DISTINCT video_sha256, second, pts_s, width, height, phash, object, "offset", length FROM frames
    WHERE video_sha256 IN (SELECT sha256 FROM wanted);
INSERT INTO audio_results
    SELECT DISTINCT video_sha256, mp3, sample_rate, duration_s, mfcc, n_mfcc, mfcc_frames, mfcc_settings FROM audio
    WHERE video_sha256 IN (SELECT sha256 FROM wanted);
INSERT INTO image_results
    SELECT DISTINCT sha256, width, height, phash, size_group, sharpness, blank_share,
        border_share, margin_detail, pixels
    FROM images
    WHERE sha256 IN (SELECT sha256 FROM wanted);
INSERT INTO fault_results
    SELECT DISTINCT item, reason, detail FROM rejects
    WHERE stage = 'extract' AND reason <> 'corrupt_object' AND item IN (SELECT sha256 FROM wanted);
"""

_NEW = """
CREATE TEMP TABLE todo AS
    WITH done AS (
        SELECT video_sha256 AS sha256 FROM frame_results
        UNION SELECT sha256 FROM image_results
        UNION SELECT item FROM fault_results
    ), lying AS (SELECT sha256, (segment, "offset") AS lies FROM objects)
    SELECT kind, sha256, coalesce(max(bytes), 0) AS bytes,
        row_number() OVER (PARTITION BY kind ORDER BY any_value(lies), sha256) - 1 AS place
    FROM wanted ANTI JOIN done USING (sha256) LEFT JOIN lying USING (sha256) GROUP BY kind, sha256;
SELECT count(*) FROM todo
"""

_TASKS, _MOST_OF_A_TASK = 64, 512
_PARTITION = "SELECT sha256, bytes FROM todo WHERE kind = $1 AND place >= $2 AND place < $3 ORDER BY place"


def open_results(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary result tables; they spill to disk when they grow.

    ``wanted`` holds the stored media; ``frame_results``, ``audio_results``, ``image_results``
    and ``fault_results`` hold results by object, not yet by product.

    Args:
        connection: Opened on the dataset version that is read.
    """
    connection.execute(_RESULTS)


def keep_known(connection: duckdb.DuckDBPyConnection) -> None:
    """Take over the results of the last run for objects that are still wanted; damaged ones are read again."""
    connection.execute(_KNOWN)


def is_restored(store: Store, snapshot: Snapshot, stage: str) -> bool:
    """Return whether an object whose bytes were damaged in the stage's last run can be read now."""
    query = "SELECT DISTINCT item FROM rejects WHERE stage = ? AND reason = 'corrupt_object' ORDER BY 1"
    return any(_is_sound(store, sha256) for sha256 in snapshot.sql(query, [stage])["item"].to_pylist())


def _is_sound(store: Store, sha256: str) -> bool:
    try:
        store.objects.read(sha256)
    except (CorruptObjectError, MissingSegmentError):
        return False
    return True


def list_new(connection: duckdb.DuckDBPyConnection) -> int:
    """List the objects without a result, each once, as they lie in their segments, and return how many there are."""
    rows: list[tuple[int]] = connection.execute(_NEW).fetchall()
    return rows[0][0]


def items_of_a_task(total: int, least: int) -> int:
    """Return how many objects a task on a cluster takes: hundreds, as long as there are 64 tasks.

    It follows from the listed objects alone, so that a run after a kill finds the results of the one before.

    Args:
        total: Listed objects.
        least: Objects that a task takes at least.
    """
    return max(least, min(total // _TASKS, _MOST_OF_A_TASK))


def partitions(connection: duckdb.DuckDBPyConnection, size: int) -> Iterator[Sequence[Item]]:
    """Yield the listed objects, at most ``size`` of one kind at a time; videos first, since they take longest."""
    kinds: tuple[MediaKind, ...] = ("video", "image")
    for kind in kinds:
        for start in count(0, size):
            rows: list[tuple[str, int]] = connection.execute(_PARTITION, [kind, start, start + size]).fetchall()
            if not rows:
                break
            yield [Item(sha256, kind, length) for sha256, length in rows]


@dataclass(frozen=True, slots=True)
class PendingObjects:
    """Number and size of stored objects of one kind that are not decoded yet."""

    kind: MediaKind
    count: int
    bytes: int


def pending_objects(store: Store, snapshot: Snapshot, settings: ExtractSettings) -> list[PendingObjects]:
    """Return the objects without a result, by kind; objects that a running or killed stage has finished do not count.

    Args:
        store: The workspace's; nothing is locked.
        snapshot: Its newest dataset version.
        settings: The stage's.
    """
    counts: dict[MediaKind, list[int]] = {"video": [0, 0], "image": [0, 0]}
    if "media" in snapshot.tables:
        spool, digest = store.spool("extract"), settings.digest()
        with closing(snapshot.connection(TABLES_READ)) as connection:
            open_results(connection)
            last = snapshot.stages.get("extract")
            if last is not None and last.settings == digest:
                keep_known(connection)
            list_new(connection)
            for members in partitions(connection, settings.partition_items):
                partition = MediaPartition.of(members, settings)
                if not spool.has(partition.name, partition.fingerprint):
                    counts[members[0].kind][0] += len(members)
                    counts[members[0].kind][1] += sum(item.size for item in members)
    return [PendingObjects(kind, count, size) for kind, (count, size) in counts.items()]
