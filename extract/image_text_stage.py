"""The stage ``image_text``: the text in every stored image, if ``extract.ocr`` is on."""

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.util import find_spec

import duckdb

from core.contacts import MASKS, mask_contacts
from core.errors import SettingsError
from core.processes.message import Fault
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from extract.collector import collect_results, is_restored, reject_faults
from extract.engine import Item, LocalEngine, Result, plain, unpack_lines
from extract.ocr.lines import TextLine
from extract.ocr.reader import ImageReader
from extract.partitions import FAULTS, Partition, result_schema
from extract.settings import ExtractSettings
from storage import ObjectWriter, Snapshot, Stage, Store
from storage.tasks import Runner

__all__ = [
    "TextPartition",
    "count_unread",
    "mask_lines",
    "run",
]


_READS = ("products", "media", "image_text", "rejects", "objects")
_COLUMNS = "* EXCLUDE (product_id, position, repeated)"
_OPEN = f"""
CREATE TEMP TABLE wanted AS
    SELECT DISTINCT product_id, position, sha256, bytes FROM media
    WHERE kind = 'image' AND state = 'ok' AND sha256 IS NOT NULL;
CREATE TEMP TABLE line_results AS SELECT {_COLUMNS} FROM image_text LIMIT 0;
CREATE TEMP TABLE fault_results AS SELECT item, reason, detail FROM rejects LIMIT 0;
"""  # noqa: S608 - constants
_KNOWN = f"""
INSERT INTO line_results
    SELECT DISTINCT {_COLUMNS} FROM image_text WHERE sha256 IN (SELECT sha256 FROM wanted);
INSERT INTO fault_results
    SELECT DISTINCT item, reason, detail FROM rejects
    WHERE stage = 'image_text' AND reason <> 'corrupt_object' AND item IN (SELECT sha256 FROM wanted);
"""  # noqa: S608 - constants
_NEW = """
CREATE TEMP TABLE todo AS
    WITH locations AS (SELECT sha256, (segment, "offset") AS location FROM objects)
    SELECT 'image' AS kind, sha256, coalesce(max(bytes), 0) AS bytes,
        row_number() OVER (ORDER BY any_value(location), sha256) - 1 AS place
    FROM wanted LEFT JOIN locations USING (sha256)
    WHERE sha256 NOT IN (SELECT sha256 FROM line_results UNION ALL SELECT item FROM fault_results)
    GROUP BY sha256;
SELECT count(*) FROM todo
"""
_REPEATED = """
CREATE TEMP TABLE repeated AS
    WITH seen AS (
        SELECT DISTINCT coalesce(merchant, source) AS merchant, product_id, sha256,
            lower(replace(text, ' ', '')) AS text
        FROM wanted JOIN line_results USING (sha256) JOIN products USING (product_id)
        WHERE contact IS NULL
    ), used AS (
        SELECT merchant, text, count(DISTINCT sha256) AS images, count(DISTINCT product_id) AS products
        FROM seen WHERE regexp_matches(text, '[^\\pN\\pP\\pS]{2}') AND NOT regexp_matches(text, '[:：]') GROUP BY ALL
    ), merchants AS (SELECT merchant, count(DISTINCT sha256) AS all_images FROM seen GROUP BY ALL)
    SELECT DISTINCT product_id, sha256, text FROM seen JOIN used USING (merchant, text) JOIN merchants USING (merchant)
    WHERE images >= 3 AND products >= 2 AND images >= 0.2 * all_images
        AND text NOT IN (SELECT text FROM used WHERE products >= 2 GROUP BY text HAVING count(*) > 2)
"""
_WRITE = """
SELECT w.product_id, position, t.*, r.text IS NOT NULL AS repeated
FROM wanted w JOIN line_results t USING (sha256)
LEFT JOIN repeated r ON r.product_id = w.product_id AND r.sha256 = t.sha256 AND r.text = lower(replace(t.text, ' ', ''))
"""


def run(
    store: Store,
    settings: ExtractSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
    runner: Runner | None = None,
) -> StageReport:
    """Read the text in every stored image, each object once.

    Reads ``products`` and ``media``; writes ``image_text``, with rows for each product that uses the image. Contact
    details are masked and their kinds recorded. Text is kept while the models and the limits of images stay the same,
    even while ``extract.ocr`` is off: then no image is read, and only rows of removed images are deleted.

    The report counts images; one without text is rejected with the reason ``no_text``, others have a reason of
    ``extract.results`` or ``extract.images`` with a detail that starts with ``text``.

    Args:
        store: The workspace's store.
        settings: Settings of ``extract``.
        clock: Times the run.
        progress: Advanced by every image.
        runner: Runs whole partitions elsewhere; None to use a pool of processes on this machine.

    Raises:
        SettingsError: ``extract.ocr`` is true, and the extra ``ocr`` is not installed.
        MissingSegmentError: A segment is missing: nothing is written, and the next run tries again.
        DataError: The processes do not start.
    """
    if settings.ocr and not (find_spec("rapidocr") and find_spec("onnxruntime")):
        raise SettingsError(
            "m5data.toml: extract.ocr is true, but its packages are not installed. "
            "Run pip install 'm5data[ocr]', or set it to false."
        )
    active = settings.ocr or "image_text" in store.snapshot().tables
    reads = ["products", "media"] if active else []
    with store.stage("image_text", settings=_digest(settings), reads=reads) as stage:
        if stage.unchanged and not (settings.ocr and is_restored(store, stage.before, "image_text")):
            return stage.report_unchanged()
        if not active or "media" not in stage.before.tables:
            return stage.commit(StageReport("image_text", 0, 0))
        return _work(store, stage, settings, clock, progress, runner)


def count_unread(snapshot: Snapshot, settings: ExtractSettings) -> int:
    """Return the number of unread stored images, 0 if ``extract.ocr`` is off."""
    if not settings.ocr or "media" not in snapshot.tables:
        return 0
    with closing(snapshot.connection(_READS)) as connection:
        return _list_new(connection, snapshot, settings)


def _digest(settings: ExtractSettings) -> str:
    """Return the digest of the settings, even while reading is off, so that nothing is read again afterwards."""
    return settings.text_digest() if settings.ocr else f"off {settings.text_digest()}"


def _list_new(connection: duckdb.DuckDBPyConnection, before: Snapshot, settings: ExtractSettings) -> int:
    """Create the result tables with known results, list the unread images, and return their number."""
    connection.execute(_OPEN)
    last = before.stages.get("image_text")
    if last is not None and last.settings.removeprefix("off ") == settings.text_digest():
        connection.execute(_KNOWN)
    rows: list[tuple[int]] = connection.execute(_NEW).fetchall()
    return rows[0][0]


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
        total = _list_new(connection, stage.before, settings)
        if settings.ocr:
            progress.start("image_text", total)
            collect_results(connection, store, stage, settings, TextPartition, progress, total, runner)
            progress.finish()
        connection.execute(_REPEATED)
        stage.write("image_text", connection.sql(_WRITE))
        kept: int = connection.sql("SELECT count(DISTINCT sha256) FROM line_results").fetchall()[0][0]
        dropped = reject_faults(connection, stage)
    read, seconds = kept + sum(dropped.values()), (clock() - began).total_seconds()
    return stage.commit(StageReport("image_text", read, kept, dropped, seconds))


_CORNERS = tuple(f"{axis}{corner}" for corner in range(4) for axis in "xy")
_MASK = re.compile("|".join(MASKS.values()))
_LONGEST_LABEL = 12
"""Most characters of a line that may be the label of the next one, as ``微信：`` next to a name."""


class TextPartition(Partition):
    """Images of the stage ``image_text``."""

    schemas = {  # noqa: RUF012 - ClassVar in the base
        "line_results": result_schema("image_text", "product_id", "position", "repeated"),
        "fault_results": FAULTS,
    }

    @classmethod
    def of(cls, items: Sequence[Item], settings: ExtractSettings) -> "TextPartition":
        """Return a partition with these settings."""
        return cls(items, settings.text_digest())

    @classmethod
    def engine(cls, settings: ExtractSettings, read: Callable[[str], bytes]) -> LocalEngine:
        """Return the engine that reads images."""
        return LocalEngine(settings, read, ImageReader(plain(settings.images)), unpack_lines)

    def add(self, item: Item, result: Result, objects: ObjectWriter) -> None:
        """Add the lines of an image."""
        del objects
        if isinstance(result, Fault):
            self._add_fault(item.sha256, "text", result)
        elif isinstance(result, tuple) and not result:
            self._add_fault(item.sha256, "text", Fault("no_text"))
        elif isinstance(result, tuple):
            for number, (line, (text, contact)) in enumerate(zip(result, mask_lines(result), strict=True)):
                place = dict(zip(_CORNERS, line.box, strict=True))
                row = {"line": number, "text": text, "confidence": line.confidence, **place, "contact": contact}
                self.rows["line_results"].append({"sha256": item.sha256, **row})


def mask_lines(lines: Sequence[TextLine]) -> list[tuple[str, str | None]]:
    """Return each line with its contact details masked, and their kinds, or None if it has none.

    A short line counts as the label of the next line: text after ``微信号`` is an account.
    """
    masked: list[tuple[str, str | None]] = []
    label = ""
    for line in lines:
        text, found = mask_contacts(line.text, label)
        if label and not found:
            whole, found = mask_contacts(f"{label}：{line.text}")
            text = whole.removeprefix(f"{label}：") if found else text
        kinds = sorted({mask[1:-1] for mask in _MASK.findall(text)} if found else ())
        masked.append((text, ", ".join(kinds) or None))
        label = line.text.rstrip("：: ") if len(line.text) <= _LONGEST_LABEL else ""
    return masked
