import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.text import marked, value_parts


@pytest.mark.parametrize(
    ("caption", "value", "said"),
    [
        ("补水面膜 ２５ＭＬ", "25 ml", True),
        ("补水面膜 25ml", "5ml", False),
        ("补水面膜 25ml", "25m", False),
        ("补水面膜 2.5ml", "2ml", False),
        ("运动鞋YB-201深海蓝", "yb 201", True),
        ("透气网面鞋", "透气 网面", True),
        ("red wineglass", "red wine", False),
        ("深海蓝色", "海蓝", True),
    ],
)
def test_a_caption_says_a_value_whatever_spaces_and_signs(caption: str, value: str, *, said: bool) -> None:
    assert (marked(value) in marked(caption)) is said


def test_a_value_says_each_of_its_parts_once() -> None:
    assert value_parts("红色、XL/红色，棉") == ["红色", "\x1fxl\x1f"]
    assert value_parts("—") == value_parts("") == []


@given(st.text(max_size=30), st.text(max_size=30))
def test_marking_twice_or_with_spaces_changes_nothing(one: str, other: str) -> None:
    assert marked(marked(one)) == marked(one)
    assert marked(f"{one} {other}") == marked(f"{one}  {other}")
