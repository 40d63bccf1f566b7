"""Measure the page reader on a folder of real pages: ``python -m bench.pages.measure FOLDER``.

The folder holds ``truth.json`` (page id -> url and true values) and ``html/<id>.html.gz``, and may hold ``cn/``
with pages and their own truth. The true pairs of the pages' specification tables are in ``spec_truth.json``, next to
this file. Printed: F1 of each field, pair-level F1 of specifications, exactness of the Chinese pages, and CPU
milliseconds per page, compared with those of extruct, which reads only markup.
"""

import argparse
import gzip
import json
import time
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import extruct

from core.records import ProductRecord
from crawler import parse_page

_SIGNS = {
    "€": {"EUR"},
    "£": {"GBP"},
    "$": {"USD", "CAD", "CLP", "TWD", "AUD", "MXN"},
    "₽": {"RUB"},
    "Lei": {"RON"},
    "ر.س": {"SAR"},
    "₪": {"ILS"},
}


@dataclass
class Score:
    """Counts of one field over pages."""

    right: int = 0
    predicted: int = 0
    true: int = 0

    def add(self, right: int, predicted: int, true: int) -> None:
        """Add one page's counts."""
        self.right += right
        self.predicted += predicted
        self.true += true

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 if nothing is right."""
        return 2 * self.right / (self.predicted + self.true) if self.right else 0.0


def same_text(found: str, true: Iterable[str]) -> bool:
    """Return whether a text is one of the true ones, ignoring case and white space."""
    return " ".join(found.casefold().split()) in {" ".join(text.casefold().split()) for text in true}


def same_price(found: Decimal, true: Iterable[str]) -> bool:
    """Return whether an amount is one of the true ones."""
    try:
        return found in {Decimal(text.strip()) for text in true}
    except InvalidOperation:
        return False


def same_currency(found: str, true: Collection[str]) -> bool:
    """Return whether a currency code is one of the true ones, or one that a true sign can mean."""
    return found in true or any(found in _SIGNS.get(sign, ()) for sign in true)


def same_pair(pair: tuple[str, str]) -> tuple[str, ...]:
    """Return a pair in its form for comparison: NFKC, case and white space folded, no trailing colons."""
    folded = (" ".join(unicodedata.normalize("NFKC", text).casefold().split()) for text in pair)
    return tuple(text.rstrip(": ") for text in folded)


TARGETS = {"price": 0.93, "sku": 0.88, "availability": 0.98, "brand": 0.80, "specs": 0.85}
MS_A_PAGE = 20.0
FIELDS = {
    "price": "price",
    "sku": "native_id",
    "availability": "availability",
    "brand": "brand",
    "currency": "currency",
}


def main() -> int:
    """Print the figures; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--misses", action="store_true", help="print what was read wrongly")
    arguments = parser.parse_args()
    truth = json.loads((arguments.folder / "truth.json").read_text("utf-8"))
    bodies = {page: gzip.decompress((arguments.folder / "html" / f"{page}.html.gz").read_bytes()) for page in truth}
    records = {page: parse_page(bodies[page], truth[page]["url"]) for page in truth}
    scores = score_fields(records, truth, misses=arguments.misses)
    scores["specs"] = score_specs(records, misses=arguments.misses)
    for name, score in scores.items():
        print(f"{name:13} F1 {score.f1:.3f}  (right {score.right}, read {score.predicted}, true {score.true})")
    exact = score_chinese(arguments.folder / "cn")
    milliseconds = time_pages([(bodies[page], truth[page]["url"]) for page in truth])
    missed = [name for name, target in TARGETS.items() if scores[name].f1 < target]
    missed += ["chinese pages"] * (not exact) + ["time"] * (milliseconds > MS_A_PAGE)
    print("missed: " + ", ".join(missed) if missed else "every target is met")
    return 1 if missed else 0


def score_fields(records: dict[str, ProductRecord], truth: dict[str, Any], *, misses: bool) -> dict[str, Score]:
    """Count right, predicted and true values of each field."""
    scores = {name: Score() for name in FIELDS}
    for page, record in records.items():
        for name, attribute in FIELDS.items():
            found, true = getattr(record, attribute), truth[page].get(name, [])
            same = same_price if name == "price" else same_currency if name == "currency" else same_text
            right = found is not None and same(found, true)
            scores[name].add(right, found is not None, bool(true))
            if misses and not right and (true or found is not None):
                print(f"  {page[:6]} {name}: read {found!s} ({record.origins.get(attribute)}), true {true}")
    return scores


def score_specs(records: dict[str, ProductRecord], *, misses: bool) -> Score:
    """Count right, predicted and true pairs over all pages."""
    pages = json.loads(Path(__file__).with_name("spec_truth.json").read_text("utf-8"))["pages"]
    score = Score()
    for page, record in records.items():
        if page not in pages:
            continue
        found = {same_pair((spec.property, spec.value)) for spec in record.specs}
        true = {same_pair((name, value)) for name, value in pages[page]}
        score.add(len(found & true), len(found), len(true))
        for sign, pairs in (("+", found - true), ("-", true - found)) if misses else ():
            for pair in sorted(pairs):
                print(f"  {page[:6]} specs {sign} {pair[0]} | {pair[1][:80]}")
    return score


def score_chinese(folder: Path) -> bool:
    """Compare id, caption and specifications of the pages in ``cn``; True if all are exact or there are none."""
    if not folder.is_dir():
        return True
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    records: dict[str, ProductRecord] = {}
    exact = True
    for page, true in truth.items():
        twin = true.get("same_product_as")
        records[page] = parse_page((folder / page).read_bytes(), truth[twin or page]["url"])
        right = records[page] == records[twin] if twin else is_exact(records[page], true)
        exact = exact and right
        print(f"{page:13} {'exact' if right else 'DIFFERS'}")
    return exact


def is_exact(record: ProductRecord, true: dict[str, Any]) -> bool:
    """Return whether a record has the true id, caption and specifications (all, or those listed)."""
    specs = [[spec.property, spec.value] for spec in record.specs]
    listed = all(pair in specs for pair in true.get("specs_include", []))
    return (
        (record.native_id, record.caption) == (true["native_id"], true["caption"])
        and listed
        and true.get("specs", specs) == specs
    )


def time_pages(pages: list[tuple[bytes, str]], rounds: int = 3) -> float:
    """Print mean CPU milliseconds per page, best of ``rounds``, of m5data and extruct; return m5data's."""
    ours = min(_clock(parse_page, pages) for _ in range(rounds))
    syntaxes = ["json-ld", "microdata", "opengraph"]
    theirs = min(
        _clock(lambda body, url: extruct.extract(body, base_url=url, syntaxes=syntaxes, errors="ignore"), pages)
        for _ in range(rounds)
    )
    print(f"CPU time      {ours:.1f} ms a page; extruct, markup alone: {theirs:.1f} ms ({ours / theirs:.2f} of it)")
    return ours


def _clock(read: Any, pages: list[tuple[bytes, str]]) -> float:  # noqa: ANN401 - any reader
    start = time.process_time()
    for body, url in pages:
        read(body, url)
    return 1000 * (time.process_time() - start) / len(pages)


if __name__ == "__main__":
    raise SystemExit(main())
