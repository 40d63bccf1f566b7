"""Teach the page reader and judge it on shops left out: ``python -m bench.pages.reader --shops DIR [--pages DIR]``.

Prints, for pages without and with markup, F1 by field as the mean over shops, the calibration error, and with
``--curve`` F1 against the number of shops learned from. ``--write FILE`` writes the model learned from all of them.
"""

import argparse
import pickle
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from pathlib import Path
from statistics import mean, pstdev

from bench.pages.shop_folder import read_pages, read_shops
from crawler.learning.fit import fit, probabilities
from crawler.learning.labelled import Example, LabelledPage, page_examples
from crawler.learning.lessons import lessons
from crawler.learning.shops import folds, shop_groups
from crawler.learning.teach import Prediction, calibration_error, f1_by_field, learn, risk_coverage, write_model
from crawler.pages.model import FIELDS

_CURVE = (5, 10, 20, 30)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shops", type=Path, required=True)
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--write", type=Path, help="file of the model learned from all pages")
    parser.add_argument("--examples", type=Path, help="file that keeps the examples between runs")
    parser.add_argument("--curve", action="store_true", help="learn from 5, 10, 20, 30 and all shops")
    parser.add_argument("--per-shop", type=int, default=1000, help="pages of a shop at most, taken evenly")
    parser.add_argument("--made", default="", help="how and when, for the file")
    arguments = parser.parse_args()
    examples = _examples(arguments)
    own = {one.shop for one in examples if one.page >= _PAGES}
    if arguments.curve:
        _learning_curve(examples)
        return
    lesson = learn(examples)
    real = [one for one in lesson.left_out if not _LESSONS <= one.example.page < _PAGES]
    for markup in (False, True):
        print(f"\n{'with' if markup else 'without'} markup: F1, mean over shops (worst five), calibration error")
        figures = f1_by_field([one for one in lesson.left_out if one.example.page < _LESSONS], markup=markup)
        for field in FIELDS:
            shops = figures.get(field, {})
            if shops:
                worst = " ".join(f"{f1:.2f}" for f1 in sorted(shops.values())[:5])
                error = calibration_error(real, field)
                print(f"{field:13} {mean(shops.values()):.3f}  {len(shops):3} shops  {worst}  ECE {error:.3f}")
        if own:
            print(
                "single pages: "
                + _pooled(
                    [one for one in lesson.left_out if one.example.page >= _PAGES and one.example.markup == markup]
                )
            )
    print("\nrisk at coverage 50, 80, 90, 100 %, without markup")
    for field in FIELDS:
        print(f"{field:13} " + " ".join(f"{risk:.3f}" for risk in risk_coverage(real, field, (0.5, 0.8, 0.9, 1.0))))
    if arguments.write:
        write_model(arguments.write, lesson, arguments.made)
        print(f"{arguments.write}: {arguments.write.stat().st_size} bytes, {lesson.shops} shops, {lesson.pages} pages")


_PAGES = 1_000_000
"""First number of the single pages."""
_LESSONS = 500_000
"""First number of the synthetic lessons, which are learned from and never scored."""


def _examples(arguments: argparse.Namespace) -> list[Example]:
    if arguments.examples and arguments.examples.exists():
        return list(pickle.loads(arguments.examples.read_bytes()))
    pages = [*enumerate(some(read_shops(arguments.shops), arguments.per_shop))]
    pages += enumerate(lessons(), _LESSONS)
    if arguments.pages:
        pages += enumerate(read_pages(arguments.pages), _PAGES)
    with ProcessPoolExecutor(2) as pool:
        found = [one for several in pool.map(of_page, pages, chunksize=8) for one in several]
    if arguments.examples:
        arguments.examples.write_bytes(pickle.dumps(found))
    return found


def some(pages: Iterable[LabelledPage], most: int) -> Iterator[LabelledPage]:
    """Yield at most so many pages of each shop, evenly from all of its pages."""
    for _, several in groupby(pages, key=lambda page: page.shop):
        shop = list(several)
        step = max(1.0, len(shop) / most)
        yield from (shop[int(place * step)] for place in range(min(most, len(shop))))


def of_page(numbered: tuple[int, LabelledPage]) -> list[Example]:
    """Return the examples of a page with its number."""
    return list(page_examples(numbered[1], numbered[0]))


def _pooled(predictions: Sequence[Prediction]) -> str:
    figures = f1_by_field(predictions, markup=bool(predictions and predictions[0].example.markup), pooled=True)
    return "  ".join(f"{field} {f1['all']:.3f}" for field, f1 in figures.items())


def _learning_curve(examples: Sequence[Example]) -> None:
    """Print F1 without markup on shops left out against the number of shops learned from, with its spread."""
    groups = shop_groups(examples)
    taught = {one.shop for one in examples if one.page >= _LESSONS}
    shops = sorted({one.shop for one in examples} - taught)
    for count in (*_CURVE, len(shops)):
        runs: dict[str, list[float]] = defaultdict(list)
        for seed in range(3):
            for field, f1 in _with(examples, groups, shops, count, seed).items():
                runs[field].append(f1)
        print(
            f"{count:3} shops  "
            + "  ".join(f"{field} {mean(values):.3f}±{pstdev(values):.3f}" for field, values in runs.items())
        )


def _with(
    examples: Sequence[Example], groups: dict[str, str], shops: list[str], count: int, seed: int
) -> dict[str, float]:
    predictions: list[Prediction] = []
    for part in folds(groups):
        rest = [shop for shop in shops if shop not in part]
        taught = set(random.Random(seed).sample(rest, min(count, len(rest))))
        for field in FIELDS:
            table = fit([one for one in examples if one.field == field and one.shop in taught], groups)
            for one in examples:
                if one.field == field and one.shop in part and one.page < _LESSONS and not one.markup:
                    found = probabilities(table, one)
                    best = int(found.argmax()) if len(found) else 0
                    predictions.append(
                        Prediction(one, one.answers[best] if len(found) else None, float(found.max(initial=0.0)))
                    )
    return {field: mean(figures.values()) for field, figures in f1_by_field(predictions, markup=False).items()}


if __name__ == "__main__":
    main()
