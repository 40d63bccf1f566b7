"""Property values in images are found by name, table position and unit; doubtful ones are left out."""

import pytest

from align.image_specs import ImageLine, PropertyNames, common_names, propose_values
from align.properties import fold_property

NO_NAMES = PropertyNames({}, frozenset())


def lines(*rows: str, position: int = 0, confidence: float = 0.99) -> list[ImageLine]:
    """Return the rows as lines of an image; ``|`` separates columns."""
    cells = [(n, k, text) for n, row in enumerate(rows) for k, text in enumerate(row.split("|"))]
    return [
        ImageLine(position, number, text, confidence, 200 * k, 50 * n, 200 * k + 150, 50 * n + 30)
        for number, (n, k, text) in enumerate(cells)
    ]


def shop(*names: str) -> PropertyNames:
    return PropertyNames({fold_property(name): name for name in names}, frozenset(names))


def proposed(rows: list[ImageLine], names: PropertyNames = NO_NAMES, table: tuple[str, ...] = ()) -> dict[str, str]:
    return {one.property: one.value for one in propose_values(rows, names, table)}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("材质：304不锈钢", {"材质": "304不锈钢"}),
        ("材质：纯棉 产地：广东佛山", {"材质": "纯棉", "产地": "广东佛山"}),
        ("材质：纯棉产地：广东佛山", {"材质": "纯棉", "产地": "广东佛山"}),
        ("外壳材质：ABS", {}),
        ("【材质】榉木", {"材质": "榉木"}),
        ("· Material: Cotton / Polyester", {"Material": "Cotton / Polyester"}),
        ("容量500ml", {"容量": "500ml"}),
        ("Net weight 2.5 kg", {"Net weight": "2.5 kg"}),
        ("凈含量：500克", {"净含量": "500克"}),
        ("Recommended age: 3+", {"Recommended age": "3+"}),
        ("Material Girl Collection", {}),
        ("颜色：如图所示", {}),
        ("Color: please choose", {}),
        ("成分：棉60%、", {}),
        ("温馨提示：请勿暴晒", {}),
        ("容量大", {}),
        ("电话：〈phone〉", {}),
        ("：500ml", {}),
        ("", {}),
    ],
)
def test_a_name_before_a_value(row: str, expected: dict[str, str]) -> None:
    assert proposed(lines(row)) == expected


def test_a_table_of_names_and_values() -> None:
    assert proposed(lines("材质|亚麻", "颜色|米白")) == {"材质": "亚麻", "颜色": "米白"}
    assert proposed(lines("材质：|陶瓷")) == {"材质": "陶瓷"}
    assert proposed(lines("材质|陶瓷")) == {}  # a single row without a colon may be anything
    assert proposed(lines("材质|颜色|尺寸", "品牌|型号|容量")) == {}


def test_a_number_alone_needs_the_one_name_that_the_shop_has_for_it() -> None:
    assert proposed(lines("500ml")) == {}
    assert proposed(lines("500ml"), shop("容量")) == {"容量": "500ml"}
    assert proposed(lines("500ml"), shop("容量", "净含量")) == {}
    assert proposed(lines("25×30×10cm"), shop("产品尺寸")) == {"产品尺寸": "25×30×10cm"}


def test_what_the_table_has_in_any_words_is_left_out() -> None:
    assert proposed(lines("材质：棉", "产地：浙江"), table=("材料",)) == {"产地": "浙江"}
    names = PropertyNames({fold_property("规格容积"): "容量"}, frozenset({"规格容积"}))
    assert proposed(lines("容量：500ml"), names, ("规格容积",)) == {}


def test_a_name_of_the_shop_counts_as_well_as_a_common_one() -> None:
    assert proposed(lines("杯口直径：8cm")) == {}
    assert proposed(lines("杯口直径：8cm"), shop("杯口直径")) == {"杯口直径": "8cm"}


def test_several_values_of_a_property_are_variants() -> None:
    assert proposed(lines("颜色：黑色") + lines("颜色：白色", position=1)) == {}
    assert proposed(lines("容量：500ml") + lines("容量：0.5L", position=1)) == {"容量": "500ml"}


def test_a_doubtful_line_is_left_out() -> None:
    assert proposed(lines("材质：棉", confidence=0.6)) == {}


def test_common_names_have_one_meaning_each() -> None:
    assert common_names()[fold_property("Colour")] == common_names()[fold_property("颜色分类")] == "颜色"
