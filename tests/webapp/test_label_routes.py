"""Data sent to the label page."""

from align.category import Category
from align.review import UncertainPair
from webapp.label_routes import pair_view


def test_evidence_is_in_words_of_the_visitors_language() -> None:
    lines = ("+1.5 prices: 0.20", "- the first holds the other and another one of its shop", "unknown: -1")
    left, right = Category("north", ("tea",)), Category("south", ("pots",))
    pair = UncertainPair(
        left, right, 0.5, 0.5, None, "same", merged=True, doubt=1.0, evidence=lines, examples_a=(), examples_b=()
    )
    assert pair_view(pair, {}, "en")["evidence"] == [
        "prices: 0.20 · speaks for one label",
        "the left category contains the right one and another of that shop · speaks for two labels",
        "unknown: -1",
    ]
    assert pair_view(pair, {}, "zh")["evidence"] == [
        "价格: 0.20 · 支持合为一个标签",
        "左边的类目包含右边的类目及其店铺的另一个类目 · 支持分为两个标签",
        "unknown: -1",
    ]


def test_evidence_has_two_decimal_places_and_no_weight() -> None:
    side = Category("north", ("tea",))
    lines = ("-0.028 titles, S_content: 0.722",)
    pair = UncertainPair(
        side, side, 0.5, 0.5, None, "same", merged=True, doubt=1.0, evidence=lines, examples_a=(), examples_b=()
    )
    (shown,) = pair_view(pair, {}, "en")["evidence"]
    assert shown == "titles alike: 0.72 · speaks for two labels"
