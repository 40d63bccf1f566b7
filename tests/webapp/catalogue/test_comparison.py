from webapp.catalogue.comparison import ComparisonRow, compare
from webapp.catalogue.product_card import Specification


def spec(name: str, value: str, name_norm: str | None = None, value_norm: str | None = None) -> Specification:
    return Specification(name, value, name_norm, value_norm, None)


def test_differences_are_told_property_by_property() -> None:
    query = [spec("颜色", "红"), spec("Model", "HD 139"), spec("材质", "陶"), spec("赠品", "无")]
    candidate = [spec("材质", "玻璃"), spec("颜色", "红"), spec("model", "hd139"), spec("产地", "中国")]
    assert compare(query, candidate) == [
        ComparisonRow("颜色", ("红",), ("红",), "same"),
        ComparisonRow("Model", ("HD 139",), ("hd139",), "same"),
        ComparisonRow("材质", ("陶",), ("玻璃",), "different"),
        ComparisonRow("赠品", ("无",), (), "alone"),
        ComparisonRow("产地", (), ("中国",), "alone"),
    ]


def test_shared_names_and_normalised_values_count_where_there_are_some() -> None:
    query = [spec("颜色", "深蓝色", "颜色", "深蓝"), spec("重量", "1.5kg", "重量", "1500")]
    candidate = [spec("颜色分类", "深蓝", "颜色", "深蓝"), spec("净重", "1500g", "重量", "1500")]
    assert [(line.property, line.relation) for line in compare(query, candidate)] == [
        ("颜色", "same"),
        ("重量", "same"),
    ]


def test_several_values_of_a_property_are_a_set() -> None:
    query = [spec("颜色", "红"), spec("颜色", "蓝")]
    assert compare(query, [spec("颜色", "蓝"), spec("颜色", "红")]) == [
        ComparisonRow("颜色", ("红", "蓝"), ("蓝", "红"), "same")
    ]
    assert compare(query, [spec("颜色", "红")])[0].relation == "different"
    assert compare([], []) == []
