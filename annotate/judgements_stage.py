"""The stage ``judgements``: a file of answers becomes state."""

import hashlib
import time
from collections import Counter
from pathlib import Path

from annotate.judgement_state import count_rows, save_judgements
from annotate.judgements import Judgement, read_judgements, read_tasks
from m5data.errors import FeedError, UsageError
from m5data.records import Reject
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Snapshot, Store

__all__ = ["run"]


def run(store: Store, file: Path, *, clock: Clock = utc_now, progress: Progress = SilentProgress()) -> StageReport:
    """Take in a file of judgements; reads its rows, drops bad ones and those on unknown products.

    A file ``.json`` is Label Studio's (``label_studio.read_tasks``), any other CSV (``read_judgements``).
    A file of the same name replaces the rejects of the earlier one; those of other files stay. The report counts the
    rows of all files taken in so far, as the table ``rejects`` does.

    Raises:
        UsageError: There is no such file.
        FeedError: The file cannot be read.
    """
    began = time.monotonic()
    with store.stage("judgements", settings="", reads=("products",), extra=_digest(file)) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        progress.start("judgements", None)
        read = read_tasks if file.suffix.lower() == ".json" else read_judgements
        known = frozenset(stage.before.table("products", ["product_id"])["product_id"].to_pylist())
        rows = [_check_products(row, place, known) for place, row in read(file)]
        rejects = [*_of_other_files(stage.before, file.name), *(row for row in rows if isinstance(row, Reject))]
        save_judgements(store.state, (row for row in rows if isinstance(row, Judgement)), clock())
        total = count_rows(store.state, file.name, len(rows))
        progress.advance(len(rows))
        progress.finish()
        stage.reject(rejects)
        dropped = Counter(reject.reason for reject in rejects)
        seconds = time.monotonic() - began
        return stage.commit(StageReport("judgements", total, total - len(rejects), dropped, seconds))


def _check_products(row: Judgement | Reject, place: str, known: frozenset[str]) -> Judgement | Reject:
    if isinstance(row, Reject) or {row.query, row.candidate} <= known:
        return row
    missing = ", ".join(sorted({row.query, row.candidate} - known))
    return Reject(place, "unknown_product", f"wanted two products of the table products, got {missing}")


def _of_other_files(before: Snapshot, name: str) -> list[Reject]:
    rows = before.table("rejects", ["item", "reason", "detail"], only=["judgements"]).to_pylist()
    return [Reject(**row) for row in rows if row["item"].rpartition(":")[0] != name]


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        raise UsageError(f"{file}: wanted a CSV file of judgements, found none; name another file") from None
    except OSError as error:
        raise FeedError(f"{file}: wanted a CSV file of judgements: {error}; name another file") from None
