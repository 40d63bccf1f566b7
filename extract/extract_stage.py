"""The stage ``extract``: frames and audio of every video, measures of every image."""

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import duckdb

from core.errors import MissingInputError
from core.records import MediaKind
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from extract.collector import collect_results, is_restored, items_of_a_task, partitions, reject_faults
from extract.moviepy_backend import require_moviepy
from extract.partitions import MediaPartition
from extract.settings import ExtractSettings
from storage import Snapshot, Stage, Store
from storage.tasks import Runner

__all__ = ["PendingObjects", "pending_objects", "run"]

_LOG = logging.getLogger(__name__)

_READS = ("media", "frames", "audio", "images", "rejects", "objects")
_RESULTS = """
CREATE TEMP TABLE wanted AS
    SELECT DISTINCT product_id, position, kind, sha256, bytes FROM media WHERE state = 'ok' AND sha256 IS NOT NULL;
CREATE TEMP TABLE frame_results AS
    SELECT * EXCLUDE (product_id) FROM frames LIMIT 0;
CREATE TEMP TABLE audio_results AS
    SELECT * EXCLUDE (product_id) FROM audio LIMIT 0;
CREATE TEMP TABLE image_results AS
    SELECT * EXCLUDE (product_id, position) FROM images LIMIT 0;
CREATE TEMP TABLE fault_results AS SELECT item, reason, detail FROM rejects LIMIT 0;
"""

_KNOWN = """
INSERT INTO frame_results
    SELECT DISTINCT * EXCLUDE (product_id) FROM frames WHERE video_sha256 IN (SELECT sha256 FROM wanted);
INSERT INTO audio_results
    SELECT DISTINCT * EXCLUDE (product_id) FROM audio WHERE video_sha256 IN (SELECT sha256 FROM wanted);
INSERT INTO image_results
    SELECT DISTINCT * EXCLUDE (product_id, position) FROM images WHERE sha256 IN (SELECT sha256 FROM wanted);
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
    ), locations AS (SELECT sha256, (segment, "offset") AS location FROM objects)
    SELECT kind, sha256, coalesce(max(bytes), 0) AS bytes,
        row_number() OVER (PARTITION BY kind ORDER BY any_value(location), sha256) - 1 AS place
    FROM wanted ANTI JOIN done USING (sha256) LEFT JOIN locations USING (sha256) GROUP BY kind, sha256;
SELECT count(*) FROM todo
"""

_WRITES = {
    "frames": """
        SELECT product_id, r.*
        FROM (SELECT DISTINCT product_id, sha256 AS video_sha256 FROM wanted WHERE kind = 'video')
        JOIN frame_results AS r USING (video_sha256)""",
    "audio": """
        SELECT product_id, r.*
        FROM (SELECT DISTINCT product_id, sha256 AS video_sha256 FROM wanted WHERE kind = 'video')
        JOIN audio_results AS r USING (video_sha256)""",
    "images": """
        SELECT product_id, position, r.* FROM wanted JOIN image_results AS r USING (sha256) WHERE kind = 'image'""",
}

_COUNTS = """
SELECT
    (SELECT 2 * count(DISTINCT sha256) FILTER (kind = 'video') + count(DISTINCT sha256) FILTER (kind = 'image')
     FROM wanted),
    (SELECT count(DISTINCT video_sha256) FROM frame_results)
    + (SELECT count(*) FROM audio_results) + (SELECT count(*) FROM image_results)
"""


def run(
    store: Store,
    settings: ExtractSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
    runner: Runner | None = None,
) -> StageReport:
    """Extract frames and audio of every stored video and measures of every image, each object once.

    Reads ``media``; writes ``frames``, ``audio`` and ``images``, with rows for each product that uses
    the object. Results of the last run are reused if the settings are the same, so only new
    objects are decoded.

    The report counts results: two for a video, its frames and its audio, and one for an image, its
    measures. Each missing result is a row of ``rejects`` with the object's hash as item, a reason of
    ``extract.results`` or ``extract.images``, and a detail that starts with ``frames``, ``sound`` or
    ``image``. A video without audio keeps its frames.

    Args:
        store: The workspace's store.
        settings: What to keep.
        clock: Times the run.
        progress: Advanced by every object.
        runner: Runs whole partitions elsewhere, with the same result; None to use a pool of decoder
            processes on this machine, the fastest way on one machine.

    Raises:
        MissingInputError: There is no table ``media`` yet.
        SettingsError: The settings ask for moviepy, which is not installed.
        MissingSegmentError: A segment is missing: nothing is written, and the next run tries again.
        DataError: Decoder processes do not start.
    """
    if settings.sound.backend == "moviepy":
        require_moviepy("m5data.toml: extract.sound.backend")
    with store.stage("extract", settings=settings.digest(), reads=["media"]) as stage:
        if stage.unchanged and not is_restored(store, stage.before, "extract"):
            return stage.report_unchanged()
        if "media" not in stage.before.tables:
            if "products" not in stage.before.tables:
                raise MissingInputError(
                    "extract: there is no table media yet. Run m5data crawl and m5data download first."
                )
            return stage.commit(StageReport("extract", 0, 0))  # products from feeds without media
        return _work(store, stage, settings, clock, progress, runner)


def _work(
    store: Store,
    stage: Stage,
    settings: ExtractSettings,
    clock: Clock,
    progress: Progress,
    runner: Runner | None,
) -> StageReport:
    began = clock()
    with closing(stage.before.connection(_READS)) as connection:
        total = _list_new(connection, stage.before, settings.digest())
        if runner is not None:
            settings = settings.model_copy(update={"partition_items": items_of_a_task(total, settings.partition_items)})
        progress.start("extract", total)
        decode_paths = collect_results(connection, store, stage, settings, MediaPartition, progress, total, runner)
        progress.finish()
        _log_decode_paths(decode_paths)
        for table, query in _WRITES.items():
            stage.write(table, connection.sql(query))
        read, kept = connection.sql(_COUNTS).fetchall()[0]
        dropped = reject_faults(connection, stage)
    return stage.commit(StageReport("extract", read, kept, dropped, (clock() - began).total_seconds()))


def _log_decode_paths(decode_paths: Mapping[str, int]) -> None:
    """Log the decode paths, and warn if frames are not exact."""
    _LOG.info("extract: decode paths: %s", dict(sorted(decode_paths.items())))
    if decode_paths.get("keyframe"):
        _LOG.warning(
            "extract: frames of %d videos are not exact: the nearest key frame of each second (extract.video.rule)",
            decode_paths["keyframe"],
        )


def _list_new(connection: duckdb.DuckDBPyConnection, before: Snapshot, digest: str) -> int:
    """Create the result tables with known results, list the objects without one, and return their number.

    ``wanted`` holds the stored media; results are by object, not yet by product. They spill to disk when they grow.
    Damaged objects are read again.
    """
    connection.execute(_RESULTS)
    last = before.stages.get("extract")
    if last is not None and last.settings == digest:
        connection.execute(_KNOWN)
    rows: list[tuple[int]] = connection.execute(_NEW).fetchall()
    return rows[0][0]


@dataclass(frozen=True, slots=True)
class PendingObjects:
    """Number and size of stored objects of one kind that are not decoded yet."""

    kind: MediaKind
    count: int
    bytes: int


def pending_objects(store: Store, snapshot: Snapshot, settings: ExtractSettings) -> list[PendingObjects]:
    """Return the objects without a result, by kind, except those that a running or killed stage has finished.

    Args:
        store: The workspace's store; nothing is locked.
        snapshot: Its newest dataset version.
        settings: The stage's settings.
    """
    counts: dict[MediaKind, list[int]] = {"video": [0, 0], "image": [0, 0]}
    if "media" in snapshot.tables:
        spool, digest = store.spool("extract"), settings.digest()
        with closing(snapshot.connection(_READS)) as connection:
            _list_new(connection, snapshot, digest)
            for members in partitions(connection, settings.partition_items):
                partition = MediaPartition.of(members, settings)
                if not spool.has(partition.name, partition.fingerprint):
                    counts[members[0].kind][0] += len(members)
                    counts[members[0].kind][1] += sum(item.size for item in members)
    return [PendingObjects(kind, count, size) for kind, (count, size) in counts.items()]
