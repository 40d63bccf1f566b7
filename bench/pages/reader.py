"""Train the page reader and evaluate it on held-out shops: ``python -m bench.pages.reader --shops DIR [--pages DIR]``.

Prints, for pages without and with markup, F1 and the precision of what is filled by field, as means over shops, and the
calibration error. ``--curve`` prints F1 against the number of shops learned from, ``--ablation`` F1 without each kind
of place.
``--write FILE`` writes the model learned from all shops and pages.
"""

import argparse
import pickle
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path
from statistics import mean

from bench.pages.pictures import reliability_picture, risk_picture
from bench.pages.reader_studies import ablation, learning_curve
from bench.pages.shop_folder import read_pages, read_shops
from reader.learning.labelled import Example, LabelledPage, page_examples
from reader.learning.lessons import lessons
from reader.learning.teach import Prediction, calibration_error, counts_by_field, learn, risk_coverage, write_model
from reader.model import FIELDS


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shops", type=Path, required=True, nargs="+", help="folders of shops")
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--write", type=Path, help="file of the model learned from all pages")
    parser.add_argument("--examples", type=Path, help="file that keeps the examples between runs")
    parser.add_argument("--curve", action="store_true", help="learn from 5, 10, 20, 30 and all shops")
    parser.add_argument("--ablation", action="store_true", help="learn without each kind of place")
    parser.add_argument("--pictures", type=Path, help="folder for reader_risk.svg and reader_reliability.svg")
    parser.add_argument("--per-shop", type=int, default=1000, help="pages of a shop at most, taken evenly")
    parser.add_argument("--made", default="", help="how and when, for the file")
    arguments = parser.parse_args()
    examples = _examples(arguments)
    shops = frozenset(one.shop for one in examples if one.page < _LESSONS)
    if arguments.curve:
        learning_curve(examples, shops)
    if arguments.ablation:
        ablation(examples, shops)
    if arguments.curve or arguments.ablation:
        return
    lesson = learn(examples)
    real = [one for one in lesson.left_out if not _LESSONS <= one.example.page < _PAGES]
    _print_figures(real)
    if arguments.pictures:
        (arguments.pictures / "reader_risk.svg").write_text(risk_picture(real), "utf-8")
        (arguments.pictures / "reader_reliability.svg").write_text(reliability_picture(real), "utf-8")
    if arguments.write:
        write_model(arguments.write, lesson, arguments.made)
        print(f"{arguments.write}: {arguments.write.stat().st_size} bytes, {lesson.shops} shops, {lesson.pages} pages")


def _print_figures(real: Sequence[Prediction]) -> None:
    for markup in (False, True):
        print(f"\n{'with' if markup else 'without'} markup: F1 and precision of what is filled, means over shops")
        figures = counts_by_field([one for one in real if one.example.page < _LESSONS], markup=markup)
        for field in FIELDS:
            if shops := figures.get(field):
                f1 = sorted(one.f1 for one in shops.values())
                worst = " ".join(f"{one:.2f}" for one in f1[:5])
                filled = [one.precision for one in shops.values() if one.filled]
                precise = f"P {mean(filled):.3f}" if filled else "P none"
                error = calibration_error(real, field)
                print(f"{field:13} {mean(f1):.3f}  {len(f1):3} shops  {worst}  {precise}  ECE {error:.3f}")
        single = [one for one in real if one.example.page >= _PAGES]
        pooled = counts_by_field(single, markup=markup, pooled=True)
        said = (f"{field} {one['all'].f1:.3f} P {one['all'].precision:.3f}" for field, one in pooled.items())
        print("single pages: " + "  ".join(said))
    print("\nrisk at coverage 50, 80, 90, 100 %, without markup")
    for field in FIELDS:
        print(f"{field:13} " + " ".join(f"{risk:.3f}" for risk in risk_coverage(real, field, (0.5, 0.8, 0.9, 1.0))))


_PAGES = 1_000_000
"""First number of the single pages."""
_LESSONS = 500_000
"""First number of the synthetic lessons, which are only learned from and never scored."""


def _examples(arguments: argparse.Namespace) -> list[Example]:
    if arguments.examples and arguments.examples.exists():
        return list(pickle.loads(arguments.examples.read_bytes()))
    pages = [*enumerate(some(chain.from_iterable(map(read_shops, arguments.shops)), arguments.per_shop))]
    pages += enumerate(lessons(), _LESSONS)
    if arguments.pages:
        pages += enumerate(read_pages(arguments.pages), _PAGES)
    found = [one for number, page in pages for one in page_examples(page, number)]
    if arguments.examples:
        arguments.examples.write_bytes(pickle.dumps(found))
    return found


def some(pages: Iterable[LabelledPage], most: int) -> Iterator[LabelledPage]:
    """Yield at most ``most`` pages of each shop, evenly spaced among its pages."""
    for _, several in groupby(pages, key=lambda page: page.shop):
        shop = list(several)
        step = max(1.0, len(shop) / most)
        yield from (shop[int(place * step)] for place in range(min(most, len(shop))))


if __name__ == "__main__":
    main()
