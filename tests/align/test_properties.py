import pytest
from hypothesis import given
from hypothesis import strategies as st

from align.properties import NormalValue, PropertyUse, align_properties, normal_value


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("0.5kg", NormalValue("500", "g", 500.0)),
        ("500 克", NormalValue("500", "g", 500.0)),
        ("５００Ｇ", NormalValue("500", "g", 500.0)),
        ("1,250毫升", NormalValue("1250", "ml", 1250.0)),
        ("1.20 m", NormalValue("1200", "mm", 1200.0)),
        ("两年", NormalValue("两年", None, None)),
        ("2年", NormalValue("24", "月", 24.0)),
        ("-18℃", NormalValue("-18", "℃", -18.0)),
        ("42", NormalValue("42", None, 42.0)),
        ("10-20cm", NormalValue("10-20cm", None, None)),
        ("160/84A", NormalValue("160/84A", None, None)),
        ("7 光年", NormalValue("7 光年", None, None)),
        ("  深　蓝\n色 ", NormalValue("深 蓝 色", None, None)),
        ("", NormalValue("", None, None)),
        ("9" * 100_000, NormalValue("9" * 100_000, None, None)),
    ],
)
def test_values_have_one_form(value: str, normal: NormalValue) -> None:
    assert normal_value(value) == normal


@given(st.text(max_size=60))
def test_a_normal_form_is_its_own(value: str) -> None:
    once = normal_value(value)
    again = normal_value(once.text)
    assert again.text == once.text
    assert (once.number is None) == (again.number is None)


COLOURS = {"黑色": 5, "白色": 4, "红色": 2}


def test_names_of_one_meaning_share_the_commonest() -> None:
    found = align_properties(
        [
            PropertyUse("n", "颜色", {**COLOURS, "蓝色": 1}),
            PropertyUse("s", "颜色分类", {"黑色": 3, "白色": 3}),
            PropertyUse("e", "Color", COLOURS),
            PropertyUse("e", "净含量(g)", {"0.5kg": 1}),
            PropertyUse("n", "净含量", {"500克": 2}),
            PropertyUse("s", "材质", {"棉": 3}),
        ]
    )
    assert found == {
        ("n", "颜色"): "颜色",
        ("s", "颜色分类"): "颜色",
        ("e", "Color"): "颜色",
        ("e", "净含量(g)"): "净含量",
        ("n", "净含量"): "净含量",
        ("s", "材质"): "材质",
    }


def test_names_in_one_table_are_never_one() -> None:
    uses = [
        PropertyUse("n", "镜框颜色", COLOURS),
        PropertyUse("n", "镜片颜色", COLOURS),
        PropertyUse("s", "颜色", COLOURS),
    ]
    found = align_properties(uses, [(("n", "镜片颜色"), ("n", "镜框颜色"))])
    assert found["n", "镜框颜色"] != found["n", "镜片颜色"]
    assert len(set(found.values())) == 2


def test_few_common_values_join_no_unlike_names() -> None:
    yes = {"是": 9, "否": 3}
    found = align_properties([PropertyUse("n", "防水", yes), PropertyUse("s", "折叠", yes)])
    assert found == {("n", "防水"): "防水", ("s", "折叠"): "折叠"}


def test_order_of_input_does_not_matter() -> None:
    uses = [PropertyUse(source, name, COLOURS) for source in "ab" for name in ("颜色", "Color", "颜色分类")]
    assert align_properties(uses) == align_properties(reversed(uses))
