"""Learning from synthetic shops: its examples, the shops left out, answers withheld, and the model file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reader.learning.fit import Weights
from reader.learning.labelled import (
    Example,
    LabelledPage,
    evidence_key,
    examples_of,
    labelled_by_markup,
    without_markup,
)
from reader.learning.teach import (
    Prediction,
    f1_by_field,
    folds,
    learn,
    min_probability,
    predict,
    shop_groups,
    write_model,
)
from reader.model import evidence_hash, read_model

PAGE = """<html><head><title>{name} - {shop}</title>
<script type="application/ld+json">{{"@type": "Product", "name": "{name}", "sku": "{sku}", "brand": "Lumo",
"offers": {{"price": "{price}", "priceCurrency": "EUR", "availability": "InStock"}}}}</script></head>
<body class="product"><h1>{name}</h1><p class="old">€ {old}</p><p class="now">€ {price}</p><p>SKU: {sku}</p>
<button>Add to cart</button></body></html>"""


def shop(number: int) -> list[LabelledPage]:
    pages = []
    for n in range(6):
        name, price = f"Lamp {number}{n} red", 20 + n
        html = PAGE.format(
            name=name, shop=f"Shop {number}", sku=f"L-{number}{n}", price=f"{price}.00", old=f"{price + 9}.00"
        )
        found = labelled_by_markup(f"shop{number}", f"https://shop{number}.example/p/{n}", html.encode())
        assert found is not None
        pages.append(found)
    other = LabelledPage(
        f"shop{number}", f"https://shop{number}.example/about", b"<h1>About us</h1><p>Since 1990</p>", None
    )
    return [*pages, other]


def test_the_markup_is_the_truth() -> None:
    page = shop(1)[0]

    assert page.truth is not None
    assert {name: set(values) for name, values in page.truth.items()} == {
        "caption": {"lamp10red"},
        "currency": {"EUR"},
        "availability": {"InStock"},
        "brand": {"lumo"},
        "native_id": {"l10"},
        "price": {"20.00"},
    }


def test_markup_is_removed() -> None:
    html = (
        '<meta property="og:title" content="x"><p itemprop="sku">1</p><script type=\'application/ld+json\'>{}</script>'
    )

    assert without_markup(html) == "<p >1</p>"


def test_a_model_reads_shops_that_it_never_saw(tmp_path: Path) -> None:
    examples = list(examples_of(page for number in range(1, 5) for page in shop(number)))
    lesson = learn(examples, {f"shop{number}": f"shop{number}" for number in range(1, 5)})
    figures = f1_by_field(lesson.left_out, markup=False)

    assert {field: min(figures[field].values()) for field in ("page", "caption", "price", "native_id")} == {
        "page": 1.0,
        "caption": 1.0,
        "price": 1.0,
        "native_id": 1.0,
    }
    for name in ("a.npz", "b.npz"):
        write_model(tmp_path / name, lesson, "a test")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert read_model(tmp_path / "a.npz").about["shops"] == 4


def test_shops_of_one_theme_are_left_out_together() -> None:
    examples = list(examples_of(page for number in range(1, 4) for page in shop(number)))
    groups = shop_groups(examples)

    assert set(groups) == {"shop1", "shop2", "shop3"}
    parts = folds({"a": "x", "b": "x", "c": "c", "d": "d"}, count=2)
    assert any({"a", "b"} <= part for part in parts)


def example(field: str, right: str, *wrong: str) -> Example:
    nothing = np.array([], dtype=np.int64)
    return Example(
        shop="shop",
        page=0,
        field=field,
        markup=False,
        evidence=(),
        owners=nothing,
        right=np.array([True, *(False for _ in wrong)]),
        answers=(right, *wrong),
        truth=frozenset((right,)),
    )


def test_a_field_stays_empty_where_that_raises_the_mean_f1_of_shops() -> None:
    def said(probability: float, *, right: bool, shop: str = "shop") -> Prediction:
        one = replace(example("brand", "lumo", "sale"), shop=shop)
        return Prediction(one, "lumo" if right else "sale", probability)

    shop = [said(0.9, right=True), said(0.3, right=False), said(0.8, right=True)]
    # F1 of this shop: 2 × 2 / (2 + 3) = 0.8 with the two most probable answers, 2 × 2 / (3 + 3) with all three.
    assert min_probability(shop) == 0.45  # the middle of 0.35 to 0.5, which are equally good
    assert min_probability([*shop, said(0.25, right=True, shop="other")]) == 0.25


def test_what_markup_states_is_given_however_improbable() -> None:
    keys = tuple(np.array([evidence_key(one)]) for one in ("near", "m:json-ld"))
    both = replace(example("price", "49.00", "59.00"), evidence=keys, owners=np.array([0, 1]))
    said = [predict(both, Weights(key, np.array([0.1])), least=0.9) for key in keys]
    assert [(one.answer, one.stated) for one in said] == [("49.00", False), ("59.00", True)]
    assert [f1_by_field([one], markup=False)["price"]["shop"] for one in said] == [0.0, 0.0]
    assert f1_by_field([replace(said[1], answer="49.00")], markup=False)["price"]["shop"] == 1.0


def test_captions_are_always_given() -> None:
    assert min_probability([Prediction(example("caption", "lamp"), "lamp", 0.9)]) == 0.0


def test_learning_adds_to_what_a_model_knows(tmp_path: Path) -> None:
    examples = list(examples_of(page for number in range(1, 4) for page in shop(number)))
    groups = {f"shop{number}": f"shop{number}" for number in range(1, 4)}
    write_model(tmp_path / "first.npz", learn(examples, groups), "first")
    first = read_model(tmp_path / "first.npz")
    known = dict(first.weights("price")) | {evidence_hash("elsewhere"): 3.0}
    more = type(first)({"price": known}, {}, {}, {})

    write_model(tmp_path / "second.npz", learn(examples, groups, start=more), "second")
    second = read_model(tmp_path / "second.npz").weights("price")

    assert second[evidence_hash("elsewhere")] == pytest.approx(3.0)
    assert second[evidence_hash("0:now")] >= known.get(evidence_hash("0:now"), 0.0)
