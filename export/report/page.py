"""The report's page, made from its numbers, figures and images."""

from collections.abc import Sequence
from importlib import resources
from urllib.parse import urlencode

from jinja2 import Environment
from markupsafe import Markup

from export.report import figures
from export.report.figures import commonest_words, lay_out
from export.report.images import Neighbours, Thumbnail
from export.report.numbers import Numbers
from m5data.modalities import modalities
from storage.engine import text

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
            links=_links(numbers),
        )
    )


def _links(numbers: Numbers) -> dict[str, list[str]]:
    """Return where the web application shows what is behind each row of a table."""
    return {
        "long_tail": [_products("sub_class", row["name"]) for row in numbers.long_tail],
        "ledger": [_products(str(row["modality"]), row["state"]) for row in numbers.ledger],
        "splits": [_products("split", f"{row['recipe']}/{row['split']}") for row in numbers.splits],
        "properties": [_products(f"p.{row['property']}", "") for row in numbers.properties],
        "rejects": [_rejects(str(row["stage"]), str(row["reason"])) for row in numbers.rejects],
    }


def _products(facet: str, value: object) -> str:
    return f"/products?{urlencode({facet: str(value)})}"


def _rejects(stage: str, reason: str) -> str:
    query = f"SELECT * FROM rejects WHERE stage = {text(stage)} AND reason = {text(reason)} ORDER BY item"  # noqa: S608
    return f"/sql?{urlencode({'query': query})}"


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
