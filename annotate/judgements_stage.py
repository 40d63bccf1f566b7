"""The stage ``judgements``: a file of answers becomes state."""

import hashlib
import time
from collections import Counter
from pathlib import Path

from annotate.judgement_state import save_judgements
from annotate.judgements import Judgement, read_judgements
from m5data.errors import FeedError
from m5data.records import Reject
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Store

__all__ = ["run"]


def run(store: Store, file: Path, *, clock: Clock = utc_now, progress: Progress = SilentProgress()) -> StageReport:
    """Take in a file of judgements; reads its rows, drops bad ones.

    Raises:
        FeedError: The file cannot be read.
    """
    began = time.monotonic()
    with store.stage("judgements", settings="", extra=_digest(file)) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        progress.start("judgements", None)
        rows = list(read_judgements(file))
        rejects = [row for row in rows if isinstance(row, Reject)]
        save_judgements(store.state, (row for row in rows if isinstance(row, Judgement)), clock())
        progress.advance(len(rows))
        progress.finish()
        stage.reject(rejects)
        dropped = Counter(reject.reason for reject in rejects)
        seconds = time.monotonic() - began
        return stage.commit(StageReport("judgements", len(rows), len(rows) - len(rejects), dropped, seconds))


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise FeedError(f"{file}: wanted a CSV file of judgements: {error}; name another file") from None
