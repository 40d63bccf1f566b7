"""The stage ``stats``: one HTML page with the numbers and figures of a dataset version."""

import time
from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment
from markupsafe import Markup

from export.report import figures
from export.report.figures import commonest_words, lay_out
from export.report.images import Neighbours, Thumbnail, nearest_of_other_classes, thumbnails
from export.report.numbers import Numbers, ask
from m5data.modalities import modalities
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
        page = _render(
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
        count = stage.before.table("products", ["product_id"]).num_rows
        return stage.commit(StageReport("stats", count, count, seconds=time.monotonic() - began))


def _render(
    title: str, version: int, numbers: Numbers, images: Sequence[Thumbnail], neighbours: Sequence[Neighbours]
) -> str:
    """Return the page: no script, nothing fetched; captions are escaped."""
    template = (resources.files("export") / "report" / "page.html").read_text(encoding="utf-8")
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(template)
        .render(
            title=title,
            version=version,
            numbers=numbers,
            thumbnails=images,
            neighbours=neighbours,
            words=lay_out(commonest_words(numbers.captions)),
            figures=_draw(numbers),
        )
    )


def _draw(numbers: Numbers) -> dict[str, Markup]:
    drawn = {
        "long_tail": figures.long_tail(numbers.long_tail),
        "overlap": figures.overlap(numbers.overlap, [modality.ledger.column for modality in modalities()]),
        "captions": figures.histogram(numbers.caption_lengths, "characters"),
        "durations": figures.histogram(numbers.durations, "seconds"),
        "images": figures.image_sizes(numbers.image_sizes),
        "merchants": figures.histogram(numbers.merchant_sizes, "products of a merchant", bins=10),
    }
    # matplotlib escapes the text it draws
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704
