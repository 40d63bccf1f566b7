"""Score description, list price, rating, condition and item group: ``python -m bench.pages.details FOLDER...``.

Each folder holds shops as in ``bench.pages.shop_folder``. The truth is what the page's own markup states and the page
shows without it. Pages are read as they are and without markup; figures are means over shops. Nothing of this is
learned, so no shop is left out.
"""

import argparse
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from statistics import mean

from core.records import ProductRecord
from crawler import parse_page
from reader.document import read_document
from reader.learning.labelled import without_markup
from reader.reading import Reading

__all__ = ["scores", "token_f1"]

_WORD = re.compile(r"\w+")
_FIELDS = ("description", "list_price", "rating", "condition", "item_group")
_UNSEEN = frozenset(("condition", "item_group"))
"""Fields that shop software states in markup alone: without it they are not scored."""
_SHOWN = 0.8
"""Share of the runs of three words of a description that a page which shows it has."""
_SCRIPTS = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>")
_ROUNDED = Decimal("0.05")
"""A page may show a mean with one decimal."""
_FEW = 8
"""Words of a description that are not in the name; with fewer it is a title."""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--per-shop", type=int, default=12, help="product pages of a shop at most")
    parser.add_argument("--worst", help="print pages on which this field scores below .8")
    arguments = parser.parse_args()
    found: dict[tuple[bool, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for shop, url, page in _pages(arguments.folders, arguments.per_shop):
        bare = without_markup(page)
        stated = _stated(page, url, bare)
        for markup, text in ((True, page), (False, bare)):
            record = parse_page(text.encode("utf-8", "replace"), url)
            for field, score in scores(record, stated).items():
                if field in _UNSEEN and not markup:
                    continue
                found[markup, field][shop].append(score)
                if field == arguments.worst and score < 0.8:
                    print(f"{shop} {url} markup={markup} {score:.2f}\n  read   {getattr(record, field)!r:.300}")
                    print(f"  stated {stated[field]!r:.300}")
    for (markup, field), shops in sorted(found.items()):
        pages = sum(map(len, shops.values()))
        score = mean(map(mean, shops.values()))
        print(
            f"{'with' if markup else 'without':7} markup  {field:12} {score:.3f}  {pages} pages of {len(shops)} shops"
        )


def _pages(folders: list[Path], most: int) -> Iterator[tuple[str, str, str]]:
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            pages = [page for page in map(json.loads, lines) if page["truth"]]
        step = max(1.0, len(pages) / most)
        for page in (pages[int(place * step)] for place in range(min(most, len(pages)))):
            yield path.name.removesuffix(".jsonl.gz"), page["url"], page["html"]


def _stated(page: str, url: str, bare: str) -> Mapping[str, object]:
    """Return field -> value that JSON-LD or microdata state; description, list price and rating only if shown.

    A description that is cut off, or only the name, is left out.
    """
    marked = Reading(read_document(page.encode("utf-8", "replace"), url)).page.marked
    found: dict[str, object] = {}
    for one in marked:
        if one.origin != "opengraph":
            found = {name: getattr(one, name) for name in _FIELDS if getattr(one, name) is not None} | found
    shown = _visible(bare, url)
    titles = Counter(_WORD.findall(" ".join(one.caption or "" for one in marked).casefold()))
    if "description" in found:
        said = str(found["description"]).strip()
        wanted, is_cut = _runs_of_words(said), said.endswith(("...", "…"))
        own = Counter(_WORD.findall(said.casefold())) - titles
        if is_cut or own.total() < _FEW or len(wanted & _runs_of_words(shown)) < _SHOWN * len(wanted):
            del found["description"]
    digits = re.sub(r"[^\d]+", " ", shown)
    if "list_price" in found and re.sub(r"\D", " ", f"{_decimal(found['list_price']).normalize():f}") not in digits:
        del found["list_price"]
    if "rating" in found and not _shows_rating(_SCRIPTS.sub("", bare), _decimal(found["rating"])):
        del found["rating"]
    return found


def _decimal(value: object) -> Decimal:
    return Decimal(str(value))


def _shows_rating(html: str, mean: Decimal) -> bool:
    """Return whether a page has a rating as a number with decimals, or as one of five."""
    spelt = "|".join(re.escape(f"{mean:.{places}f}").replace(r"\.", "[.,]") for places in (1, 2))
    return (
        re.search(rf"(?<![\d.,])(?:{spelt}|{mean.normalize():f} ?(?:/|out of|von|sur|de|из) ?5)(?![\d.,])", html)
        is not None
    )


def _runs_of_words(text: str) -> set[tuple[str, ...]]:
    found = _WORD.findall(text.casefold())
    return set(zip(found, found[1:], found[2:], strict=False))


def _visible(bare: str, url: str) -> str:
    seen = Reading(read_document(bare.encode("utf-8", "replace"), url)).page.seen
    return " ".join(run.text for run in seen.runs)


def scores(record: ProductRecord, stated: Mapping[str, object]) -> dict[str, float]:
    """Return field -> score from 0 to 1 of each stated field: token F1 of a description, else equality."""
    found = {name: float(getattr(record, name) == value) for name, value in stated.items() if name != "description"}
    if "rating" in stated and record.rating is not None:
        found["rating"] = float(abs(record.rating - _decimal(stated["rating"])) <= _ROUNDED)
    if "description" in stated:
        found["description"] = token_f1(record.description or "", str(stated["description"]))
    return found


def token_f1(found: str, true: str) -> float:
    """Return the F1 of the words of a text, with their numbers, against those of the true one."""
    one, other = (Counter(_WORD.findall(text.casefold())) for text in (found, true))
    return 2 * (one & other).total() / max(1, one.total() + other.total())


if __name__ == "__main__":
    main()
