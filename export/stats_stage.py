"""The stage ``stats``: an HTML page with the numbers and figures of a dataset version, in each language."""

import time
from collections.abc import Mapping
from types import MappingProxyType

from core.languages import Language
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from core.version import __version__
from storage import Store
from storage.tables import TABLES

__all__ = ["REPORTS", "run"]

REPORTS: Mapping[Language, str] = MappingProxyType({"en": "reports/report.html", "zh": "reports/report.zh.html"})
"""Language -> path of its page in the workspace."""


def run(store: Store, *, clock: Clock = utc_now, progress: Progress = SilentProgress()) -> StageReport:
    """Write the report in every language; the counts are of products."""
    del clock
    began = time.monotonic()
    paths = {language: store.root / place for language, place in REPORTS.items()}
    with store.stage("stats", settings=__version__, reads=tuple(TABLES)) as stage:
        if stage.unchanged and all(path.is_file() for path in paths.values()):
            return stage.report_unchanged()
        # Importing matplotlib takes longer than a run with nothing to do should.
        from export.report.images import nearest_of_other_classes, thumbnails  # noqa: PLC0415
        from export.report.numbers import ask  # noqa: PLC0415
        from export.report.page import render  # noqa: PLC0415

        progress.start("stats", None)
        numbers = ask(stage.before)
        shown = tuple(thumbnails(store.objects, stage.before))
        neighbours = nearest_of_other_classes(store.objects, stage.before)
        for language, path in paths.items():
            page = render(store.root.name, stage.before.number, numbers, shown, neighbours, language)
            path.parent.mkdir(exist_ok=True)
            draft = path.with_suffix(".part")
            draft.write_text(page, encoding="utf-8")
            draft.replace(path)
        progress.finish()
        count = int(str(numbers.totals["products"]))
        return stage.commit(StageReport("stats", count, count, seconds=time.monotonic() - began))
