"""The report's page, made from its numbers, figures and images."""

from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment
from markupsafe import Markup

from export.report import figures
from export.report.figures import commonest_words, lay_out
from export.report.images import Neighbours, Thumbnail
from export.report.numbers import Numbers
from m5data.modalities import modalities

__all__ = ["render"]


def render(
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
