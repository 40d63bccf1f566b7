"""The stage ``stats``: one HTML page with the numbers and figures of a dataset version."""

import time

from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from m5data.version import __version__
from storage import Store
from storage.tables import TABLES

__all__ = ["REPORT", "run"]

REPORT = "reports/report.html"
"""Where the page lies in the workspace."""


def run(store: Store, *, clock: Clock = utc_now, progress: Progress = SilentProgress()) -> StageReport:
    """Write the report; the counts are of products."""
    del clock
    began = time.monotonic()
    path = store.root / REPORT
    with store.stage("stats", settings=__version__, reads=tuple(TABLES)) as stage:
        if stage.unchanged and path.is_file():
            return stage.report_unchanged()
        # Matplotlib takes longer to import than a run with nothing to do may take.
        from export.report.images import nearest_of_other_classes, thumbnails  # noqa: PLC0415
        from export.report.numbers import ask  # noqa: PLC0415
        from export.report.page import render  # noqa: PLC0415

        progress.start("stats", None)
        numbers = ask(stage.before)
        page = render(
            store.root.name,
            stage.before.number,
            numbers,
            tuple(thumbnails(store.objects, stage.before)),
            nearest_of_other_classes(store.objects, stage.before),
        )
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".part")
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
        progress.finish()
        count = int(str(numbers.totals["products"]))
        return stage.commit(StageReport("stats", count, count, seconds=time.monotonic() - began))
