from export.report.page import long_tail


def test_a_name_that_looks_like_a_formula_is_drawn_as_it_is() -> None:
    assert r"Under $5 \deals$" in long_tail([{"name": r"Under $5 \deals$", "products": 3}], "products", "rank")


def test_markup_in_a_name_is_escaped() -> None:
    assert "<script>" not in long_tail([{"name": "<script>alert(1)</script>", "products": 3}], "products", "rank")
