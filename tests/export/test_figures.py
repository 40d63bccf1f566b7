import pytest

from export.report.page import distribution, long_tail


def test_a_name_that_looks_like_a_formula_is_drawn_as_it_is() -> None:
    assert r"Under $5 \deals$" in long_tail([{"name": r"Under $5 \deals$", "products": 3}], "products", "rank")


def test_markup_in_a_name_is_escaped() -> None:
    assert "<script>" not in long_tail([{"name": "<script>alert(1)</script>", "products": 3}], "products", "rank")


@pytest.mark.parametrize(
    ("counts", "drawn"),
    [([], ""), ([(30.0, 1)], "<p>seconds: 30 (videos: 1)</p>"), ([(1200.0, 2)], "<p>seconds: 1,200 (videos: 2)</p>")],
)
def test_no_value_has_no_figure_and_one_value_is_a_line(counts: list[tuple[float, int]], drawn: str) -> None:
    assert distribution(counts, "seconds", "videos") == drawn


def test_two_values_are_a_histogram() -> None:
    assert "<svg" in distribution([(30.0, 1), (40.0, 2)], "seconds", "videos")
