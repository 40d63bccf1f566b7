"""The report's page, made from its numbers, figures and images."""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from export.report import figures
from export.report.figures import commonest_words, lay_out
from export.report.images import Neighbours, Thumbnail
from export.report.numbers import Numbers
from m5data.languages import Language, coded, texts_of
from m5data.modalities import modalities
from storage.engine import text

__all__ = ["render"]

_CODED = frozenset({"modality", "state", "role", "reason"})
"""Columns whose values are words of the tables."""


def render(
    title: str,
    version: int,
    numbers: Numbers,
    images: Sequence[Thumbnail],
    neighbours: Sequence[Neighbours],
    language: Language = "en",
) -> str:
    """Return the page: no script, nothing fetched; captions are escaped."""
    texts = texts_of("export", "report", "texts")[language]
    environment = Environment(autoescape=True, trim_blocks=True, undefined=StrictUndefined)
    environment.filters["shown"] = lambda value, column: _shown(value, column, texts, language)
    return environment.from_string((resources.files("export") / "report" / "page.html").read_text("utf-8")).render(
        t=texts,
        title=title,
        version=version,
        numbers=numbers,
        thumbnails=images,
        neighbours=neighbours,
        words=lay_out(commonest_words(numbers.captions)),
        figures=_draw(numbers, texts, language),
        links=_links(numbers),
    )


def _shown(value: object, column: str, texts: Mapping[str, Any], language: Language) -> str:
    """Return a cell of a table as people read it."""
    if column == "has" and isinstance(value, int):
        names = {0: texts["shares"]["none"], 1: texts["shares"]["one"], len(modalities()): texts["shares"]["every"]}
        return str(names.get(value, f"{value} {texts['shares']['some']}"))
    if column in _CODED:
        return coded(str(value), language)
    return f"{value:,}" if isinstance(value, int | float) else str(value)


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


def _draw(numbers: Numbers, texts: Mapping[str, Any], language: Language) -> dict[str, Markup]:
    axes, products = texts["axes"], texts["columns"]["products"]
    names = {modality.ledger.column: coded(modality.ledger.column, language) for modality in modalities()}
    drawn = {
        "long_tail": figures.long_tail(numbers.long_tail, products, axes["rank"]),
        "overlap": figures.overlap(numbers.overlap, names, products),
        "captions": figures.histogram(numbers.caption_lengths, axes["characters"], axes["count"]),
        "durations": figures.histogram(numbers.durations, axes["seconds"], axes["count"]),
        "images": figures.image_sizes(numbers.image_sizes, axes["width"], axes["height"]),
        "merchants": figures.histogram(numbers.merchant_sizes, axes["of_merchant"], axes["count"], bins=10),
    }
    # matplotlib escapes the text it draws
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704
