"""The stage ``judgements``: import a file of answers into the state."""

import hashlib
import time
from collections import Counter
from pathlib import Path

from annotate.judgement_state import count_rows, save_judgements
from annotate.judgements import Judgement, read_judgements, read_tasks
from core.errors import FeedError, UsageError
from core.records import Reject
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Snapshot, Store

__all__ = ["run"]


def run(store: Store, file: Path, *, clock: Clock = utc_now, progress: Progress = SilentProgress()) -> StageReport:
    """Import a file of judgements; drop invalid rows and rows on unknown products.

    A ``.json`` file is read as Label Studio's (``read_tasks``), any other as CSV (``read_judgements``). The rejects
    of a file replace those of an earlier file of the same name. The report counts the rows of all files imported
    so far, as the table ``rejects`` does.

    Raises:
        UsageError: The file does not exist.
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
    return Reject(place, "unknown_product", f"not in the table products: {missing}")


def _of_other_files(before: Snapshot, name: str) -> list[Reject]:
    rows = before.table("rejects", ["item", "reason", "detail"], only=["judgements"]).to_pylist()
    return [Reject(**row) for row in rows if row["item"].rpartition(":")[0] != name]


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file.") from None
    except OSError as error:
        raise FeedError(f"{file}: the file of judgements cannot be read ({error}).") from None
