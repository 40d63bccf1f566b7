"""The report's page, and its figures as SVG that keeps letters as text (any script, any font)."""

import io
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from itertools import count as count_up
from math import cos, sin, sqrt
from typing import Any
from urllib.parse import urlencode

import matplotlib as mpl
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from core.engine import text
from core.languages import Language, coded, texts_of
from core.modalities import modalities
from core.segmentation import count_words, has_chinese
from export.report.images import Neighbours, Thumbnail
from export.report.numbers import Numbers

__all__ = [
    "Placed",
    "commonest_words",
    "distribution",
    "histogram",
    "image_sizes",
    "lay_out",
    "long_tail",
    "overlap",
    "render",
]

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "m5data",
    "text.parse_math": False,  # names of categories are not formulas
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a8f98",
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
}
_BLUE, _PALE = "#2f6fb7", "#d5dbe3"


def long_tail(rows: Sequence[dict[str, Any]], products: str, rank: str, shown: int = 40) -> str:
    """Draw products by sub-class, largest first, with names if they fit.

    Args:
        rows: name, products, largest first.
        products: Label of the axis of counts.
        rank: Label of the other axis where there are no names.
        shown: Maximum number of named bars; more sub-classes are drawn as one curve without names.
    """
    with _figure(9, 3.4) as (figure, axes):
        counts = [row["products"] for row in rows]
        if len(rows) <= shown:
            axes.bar(range(len(rows)), counts, color=_BLUE)
            axes.set_xticks(range(len(rows)), [row["name"] for row in rows], rotation=60, ha="right", fontsize=8)
        else:
            axes.fill_between(range(1, len(rows) + 1), counts, color=_BLUE, step="mid")
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel(rank)
        axes.set_ylabel(products)
        if axes.get_yscale() == "linear":
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure)


def histogram(counts: Sequence[tuple[float, int]], label: str, count: str, bins: int = 30) -> str:
    """Draw a histogram of values.

    Args:
        counts: Each value, and how often it occurs; may be empty.
        label: Label of the values' axis, with the unit.
        count: Label of the other axis.
        bins: Number of bars.
    """
    with _figure(4.4, 2.6) as (figure, axes):
        values, times = zip(*counts, strict=True) if counts else ((), ())
        axes.hist(values, bins=bins, weights=times, color=_BLUE)
        axes.set_xlabel(label)
        axes.set_ylabel(count)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure)


def image_sizes(rows: Sequence[dict[str, Any]], width: str, height: str) -> str:
    """Draw the sizes of images: one disc per size, its area the number of images.

    Args:
        rows: width, height, images.
        width: Label of one axis.
        height: Label of the other.
    """
    with _figure(4.4, 2.6) as (figure, axes):
        most = max((row["images"] for row in rows), default=1)
        area = [4 + 400 * row["images"] / most for row in rows]
        axes.scatter([row["width"] for row in rows], [row["height"] for row in rows], s=area, color=_BLUE, alpha=0.5)
        axes.set_xlabel(width)
        axes.set_ylabel(height)
        axes.margins(0.15)
        return _svg(figure)


def overlap(rows: Sequence[dict[str, Any]], modalities: Mapping[str, str], products: str, shown: int = 16) -> str:
    """Draw the number of products per combination of modalities: a bar and a column of dots for each.

    Args:
        rows: A boolean for each modality, and products; commonest first.
        modalities: Column -> name, from top to bottom.
        products: Label of the axis of counts.
        shown: Maximum number of combinations drawn.
    """
    rows = rows[:shown]
    with _figure(9, 3.6) as (figure, _):
        figure.clear()
        bars, dots = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1.3))
        bars.bar(range(len(rows)), [row["products"] for row in rows], color=_BLUE)
        bars.bar_label(bars.containers[0], fontsize=8)
        bars.set_ylabel(products)
        _draw_dots(dots, rows, modalities)
        return _svg(figure)


def _draw_dots(axes: Axes, rows: Sequence[dict[str, Any]], modalities: Mapping[str, str]) -> None:
    for place, column in enumerate(modalities):
        colours = [_BLUE if row[column] else _PALE for row in rows]
        axes.scatter(range(len(rows)), [-place] * len(rows), c=colours, s=60)
    axes.set_yticks([-place for place in range(len(modalities))], modalities.values())
    axes.set_xticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Yield a figure outside pyplot's global state."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # the browser supplies the font for these letters
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots()


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


_WIDTH, _HEIGHT = 900.0, 320.0
_LARGEST, _SMALLEST = 58.0, 10.0
_STEPS = 4000  # of the spiral; a word without room by then is left out


@dataclass(frozen=True, slots=True)
class Placed:
    """A word in the cloud, which is 900 by 320 with its centre at 0, 0."""

    word: str
    size: float
    """Height of its letters."""
    x: float
    """Centre of the word."""
    y: float
    width: float

    def meets(self, other: "Placed") -> bool:
        """Return whether two words would overlap."""
        apart = abs(self.x - other.x) * 2 >= self.width + other.width
        return not (apart or abs(self.y - other.y) * 2 >= (self.size + other.size) * 1.05)

    @property
    def is_inside(self) -> bool:
        """Whether the whole word is in the cloud's frame."""
        return abs(self.x) * 2 + self.width <= _WIDTH and abs(self.y) * 2 + self.size <= _HEIGHT


def commonest_words(captions: Iterable[str], shown: int = 90) -> list[tuple[str, int]]:
    """Return the commonest words of captions, segmented by jieba where they are Chinese; numbers are left out."""
    words: Counter[str] = Counter()
    for caption in captions:
        words.update(count_words(caption, segment=has_chinese(caption)))
    named = [(word, times) for word, times in words.items() if not word.isdigit()]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))[:shown]


def lay_out(words: Sequence[tuple[str, int]]) -> list[Placed]:
    """Place words, commonest first, on a spiral from the middle; letters grow with the square root of the count."""
    placed: list[Placed] = []
    for word, times in words:
        size = max(_LARGEST * sqrt(times / words[0][1]), _SMALLEST)
        width = size * sum(1.0 if ord(letter) > 0x2E80 else 0.6 for letter in word)
        room = next((p for p in _spiral(word, size, width) if p.is_inside and not any(map(p.meets, placed))), None)
        if room is not None:
            placed.append(room)
    return placed


def _spiral(word: str, size: float, width: float) -> Iterator[Placed]:
    for step in count_up():
        if step == _STEPS:
            return
        angle = 0.1 * step
        yield Placed(word, size, 2.8 * angle * cos(angle), angle * sin(angle), width)


_CODED = frozenset({"modality", "state", "role", "reason"})
"""Columns whose values are codes, to be shown in words."""


def render(
    title: str,
    version: int,
    numbers: Numbers,
    images: Sequence[Thumbnail],
    neighbours: Sequence[Neighbours],
    language: Language = "en",
) -> str:
    """Return the page, which has no scripts and fetches nothing; captions are escaped."""
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
    """Return a table cell in readable form."""
    if column == "has" and isinstance(value, int):
        names = {0: texts["shares"]["none"], 1: texts["shares"]["one"], len(modalities()): texts["shares"]["every"]}
        return str(names.get(value, f"{value} {texts['shares']['some']}"))
    if column in _CODED:
        return coded(str(value), language)
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _links(numbers: Numbers) -> dict[str, list[str]]:
    """Return the web application's link to the items behind each row of a table."""
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
        "long_tail": long_tail(numbers.long_tail, products, axes["rank"]) if numbers.long_tail else "",
        "overlap": overlap(numbers.overlap, names, products) if numbers.overlap else "",
        "captions": distribution(numbers.caption_lengths, axes["characters"], axes["count"]),
        "durations": distribution(numbers.durations, axes["seconds"], axes["count"]),
        "images": image_sizes(numbers.image_sizes, axes["width"], axes["height"]) if numbers.image_sizes else "",
        "merchants": distribution(numbers.merchant_sizes, axes["of_merchant"], axes["count"], bins=10),
    }
    # matplotlib escapes the text it draws
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704


def distribution(counts: Sequence[tuple[float, int]], label: str, count: str, bins: int = 30) -> str:
    """Return a histogram; a line if there is one value, which would stretch the axes; nothing if there is none."""
    if not counts:
        return ""
    if len({value for value, _ in counts}) > 1:
        return histogram(counts, label, count, bins)
    value, times = counts[0][0], sum(times for _, times in counts)
    return str(Markup("<p>{}: {} ({}: {})</p>").format(label, f"{value:,.6g}", count, f"{times:,}"))
