"""Data sent to the label page."""

from align.category import Category
from align.review import UncertainPair
from webapp.label_routes import pair_view


def test_evidence_is_in_the_language_of_the_visitor_with_its_numbers() -> None:
    lines = ("+1.5 prices: 0.20", "- the first holds the other and another one of its shop", "unknown: -1")
    left, right = Category("north", ("tea",)), Category("south", ("pots",))
    pair = UncertainPair(
        left, right, 0.5, 0.5, None, "same", merged=True, doubt=1.0, evidence=lines, examples_a=(), examples_b=()
    )
    assert pair_view(pair, {}, "en")["evidence"][0] == lines[0]
    assert pair_view(pair, {}, "zh")["evidence"] == [
        "+1.5 价格: 0.20",
        "- 左边的类目包含右边的类目及其店铺的另一个类目",
        "unknown: -1",
    ]
