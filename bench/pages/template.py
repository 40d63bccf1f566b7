"""Measure the gain from templates learned from a shop's own pages: ``python -m bench.pages.template --shops DIR``.

Every shop is read by a model that was learned without it. Printed: F1 of each field, mean over shops, of pages without
markup, alone and with the template of their shop: once with the other half of the shop's pages keeping its markup, and
once with no markup on any page.
"""

import argparse
import pickle
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import mean

from bench.pages.reader import some
from bench.pages.shop_folder import read_shops
from crawler.records.templates import priors_of, teach
from reader.document import read_document
from reader.learning.fit import fit
from reader.learning.labelled import Example, LabelledPage, answer, examples_of, without_markup
from reader.learning.teach import folds, shop_groups
from reader.model import FIELDS, Candidate, Model, shipped_model
from reader.reading import Reader, Reading
from reader.template import TAUGHT, Observation, Template, observe

Scores = dict[str, dict[str, list[float]]]
"""Field -> shop -> F1 alone and with the template."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shops", type=Path, required=True)
    parser.add_argument("--examples", type=Path, help="file that keeps the examples between runs")
    parser.add_argument("--learn-from", type=int, default=10, help="pages of a shop that the models learn from")
    parser.add_argument("--per-shop", type=int, default=24, help="pages of a shop that are read")
    arguments = parser.parse_args()
    examples = _examples(arguments)
    scores: dict[bool, Scores] = {half: defaultdict(dict) for half in (True, False)}
    groups = shop_groups(examples)
    shops = {shop: list(pages) for shop, pages in groupby(read_shops(arguments.shops), key=lambda page: page.shop)}
    for part in folds(groups):
        model = _model([one for one in examples if one.shop not in part], groups)
        for shop in sorted(part & shops.keys()):
            pages = [page for page in some(shops[shop], arguments.per_shop) if page.truth is not None]
            bare = [_read(page, model, markup=False) for page in pages]
            taught = [observe(reading) for reading in bare]
            marked = [observe(_read(page, model, markup=True)) for page in pages[::2]]
            _score(shop, list(zip(pages, bare, strict=True))[1::2], [*marked, *taught[1::2]], scores[True])
            _score(shop, list(zip(pages, bare, strict=True)), taught, scores[False])
    for half, fields in scores.items():
        print(
            f"\n{'half of the pages of each shop have markup' if half else 'no page has markup'}: alone, with template"
        )
        for field in TAUGHT:
            several = list(fields[field].values())
            worse = sum(after < before - 1e-9 for before, after in several)
            better = sum(after > before + 1e-9 for before, after in several)
            means = [mean(one[place] for one in several) for place in (0, 1)]
            print(f"{field:11} {means[0]:.3f} {means[1]:.3f}  {len(several):3} shops, {better} better, {worse} worse")


def _examples(arguments: argparse.Namespace) -> list[Example]:
    if arguments.examples and arguments.examples.exists():
        return list(pickle.loads(arguments.examples.read_bytes()))
    examples = list(examples_of(some(read_shops(arguments.shops), arguments.learn_from)))
    if arguments.examples:
        arguments.examples.write_bytes(pickle.dumps(examples))
    return examples


def _model(examples: Sequence[Example], groups: Mapping[str, str]) -> Model:
    tables = {}
    for field in FIELDS:
        learned = fit([one for one in examples if one.field == field], groups)
        tables[field] = dict(zip((learned.keys & 0xFFFFFFFF).tolist(), learned.weights.tolist(), strict=True))
    return Model(tables, {}, shipped_model().least, {})


def _read(page: LabelledPage, model: Model, *, markup: bool) -> Reading:
    body = page.body if markup else without_markup(page.body.decode("utf-8", "replace")).encode("utf-8", "replace")
    return Reading(read_document(body, page.url, {"content-type": "text/html; charset=utf-8"}), Reader(model))


def _score(
    shop: str,
    judged: Sequence[tuple[LabelledPage, Reading]],
    lessons: Sequence[Mapping[str, Observation]],
    scores: Scores,
) -> None:
    """Store the F1 on pages of one shop, alone and with the template learned from the lessons."""
    template = Template(priors_of(teach(lessons)))
    for field in TAUGHT:
        known = [
            (page.truth[field], reading, reading.candidates(field))
            for page, reading in judged
            if page.truth and field in page.truth
        ]
        if known:
            scores[field][shop] = [_f1(field, known, None), _f1(field, known, template)]


def _f1(
    field: str, pages: Sequence[tuple[frozenset[str], Reading, Sequence[Candidate]]], template: Template | None
) -> float:
    right = said = 0
    for true, reading, candidates in pages:
        choice = reading.model.choose(field, candidates, template)
        if choice is not None and choice.probability >= reading.model.least.get(field, 0.0):
            said += 1
            right += answer(field, choice.candidate.value) in true
    return 2 * right / total if (total := said + sum(bool(true) for true, *_ in pages)) else 1.0


if __name__ == "__main__":
    main()
