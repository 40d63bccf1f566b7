"""The stage ``stats``: the report."""

import time

from export.report.neighbours import nearest_of_other_classes
from export.report.numbers import ask
from export.report.page import render
from export.report.pictures import pictures
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from m5data.version import __version__
from storage import Store
from storage.tables import TABLES

__all__ = ["REPORT", "run"]

REPORT = "reports/report.html"
"""Where the page lies in the workspace."""


def run(store: Store, *, clock: Clock = utc_now, progress: Progress = SilentProgress()) -> StageReport:
    """Write the report; reads and keeps products."""
    del clock
    began = time.monotonic()
    path = store.root / REPORT
    with store.stage("stats", settings=__version__, reads=tuple(TABLES)) as stage:
        if stage.unchanged and path.is_file():
            return stage.report_unchanged()
        progress.start("stats", None)
        numbers = ask(stage.before)
        page = render(
            store.root.name,
            stage.before.number,
            numbers,
            tuple(pictures(store.objects, stage.before)),
            nearest_of_other_classes(store.objects, stage.before),
        )
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".part")
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
        progress.finish()
        count = stage.before.table("products", ["product_id"]).num_rows
        return stage.commit(StageReport("stats", count, count, seconds=time.monotonic() - began))
