import numpy as np
from scipy.sparse import csr_array

from align.properties import PropertyUse, align_properties, find_conflicts, value_parts

COLOURS = {"黑色": 5, "白色": 4, "红色": 2}


def apart(count: int, one: int, other: int) -> csr_array:
    """Return a matrix in which two of ``count`` uses conflict."""
    return csr_array(([-1.0, -1.0], ([one, other], [other, one])), shape=(count, count))


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
    found = align_properties(uses, apart(3, 0, 1))
    assert found["n", "镜框颜色"] != found["n", "镜片颜色"]
    assert len(set(found.values())) == 2


def lines(
    uses: list[PropertyUse], products: list[dict[tuple[str, str], str]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the specification lines of some products in the form that ``find_conflicts`` accepts."""
    place = {use.key: number for number, use in enumerate(uses)}
    rows = [
        (number, place[key], list(uses[place[key]].values).index(value))
        for number, product in enumerate(products)
        for key, value in product.items()
    ]
    first, second, third = np.array(rows).T
    return first, second, third


def test_consumption_for_a_year_and_for_1000_hours_are_two_properties() -> None:
    amounts = [f"{amount} kWh" for amount in (18, 22, 26, 33)]
    yearly, label = dict.fromkeys(amounts, 2), dict.fromkeys((f"{amount}/1.000 h" for amount in amounts), 2)
    uses = [PropertyUse("a", "Energieverbrauch pro Jahr", yearly), PropertyUse("b", "Jahresverbrauch alt", yearly)]
    uses += [
        PropertyUse("a", "Energieverbrauch SDR", label),
        PropertyUse("b", "Energieverbrauch pro 1.000 Stunden", yearly),
    ]
    found = list(align_properties(uses).values())
    assert found[0] == found[1]
    assert found[2] == found[3] != found[0]


def test_one_thing_said_twice_is_one_property() -> None:
    inches, centimetres, weight = ("a", "Diagonal (in)"), ("a", "Diagonal (cm)"), ("a", "Weight")
    sizes = ["24", "27", "31.5", "34"]
    products = [
        {inches: size, centimetres: f"{float(size) * 2.54:.1f}", weight: f"{float(size) / 5:.1f} kg"} for size in sizes
    ]
    values = {key: {product[key]: 1 for product in products} for key in (inches, centimetres, weight)}
    uses = [PropertyUse(*key, found) for key, found in values.items()]
    uses.append(PropertyUse("b", "Diagonal", {f'{size}"': 1 for size in sizes}))
    found = align_properties(uses, find_conflicts(uses, *lines(uses, products)))
    assert found[inches] == found[centimetres] == found["b", "Diagonal"] != found[weight]


def test_two_things_in_one_product_stay_two() -> None:
    on, off = ("a", "Power, on"), ("a", "Power, off")
    products = [{on: f"{watts} W", off: f"{watts + 1} W"} for watts in range(20, 30)]
    values = {key: {product[key]: 1 for product in products} for key in (on, off)}
    uses = [PropertyUse(*key, found) for key, found in values.items()]
    uses.append(PropertyUse("b", "Power", {f"{watts} W": 1 for watts in range(20, 31)}))
    assert len(set(align_properties(uses).values())) == 1
    assert len(set(align_properties(uses, find_conflicts(uses, *lines(uses, products))).values())) == 2


def test_spellings_of_one_name_are_one_property_even_in_one_product() -> None:
    spellings = ["Net weight", "NET WEIGHT", "Ｎｅｔ　ｗｅｉｇｈｔ", "net_weight:"]
    uses = [PropertyUse("a", name, {f"{size} kg": 1}) for size, name in enumerate(spellings, 1)]
    uses += [PropertyUse("b", "顏色", COLOURS), PropertyUse("b", "颜色", {"紫色": 1})]
    found = align_properties(uses, apart(6, 0, 1))
    assert len({found["a", name] for name in spellings}) == 1
    assert found["b", "顏色"] == found["b", "颜色"]


def test_names_of_one_source_alone_are_not_compared() -> None:
    uses = [PropertyUse("a", "Farbe", COLOURS), PropertyUse("a", "Farbe (aussen)", COLOURS)]
    assert len(set(align_properties(uses).values())) == 2


def test_equal_values_of_several_properties_join_none() -> None:
    sizes = {"10 cm": 3, "20 cm": 3, "30 cm": 3, "40 cm": 3}
    names = [("a", "Width"), ("a", "Height"), ("b", "宽度"), ("b", "高度")]
    assert len(set(align_properties([PropertyUse(*key, sizes) for key in names]).values())) == 4
    assert len(set(align_properties([PropertyUse(*key, sizes) for key in (names[0], names[2])]).values())) == 1


def test_equal_values_of_two_properties_of_a_product_join_neither() -> None:
    sizes = {"10 cm": 3, "20 cm": 3, "30 cm": 3, "40 cm": 3}
    uses = [PropertyUse("a", "Width", sizes), PropertyUse("a", "Height", sizes), PropertyUse("b", "Mass", sizes)]
    assert len(set(align_properties(uses, apart(3, 0, 1)).values())) == 3


def test_numbers_are_read_by_the_mark_of_their_source() -> None:
    point = PropertyUse("a", "Weight", {"1.500 kg": 3, "2.250 kg": 2, "1.750 kg": 1})
    comma = PropertyUse("b", "GEWICHT", {"1,500 kg": 3, "2,250 kg": 2, "1,750 kg": 1}, decimal=",")
    assert len(set(align_properties([point, comma]).values())) == 1


def test_consumption_of_energy_labels_is_energy() -> None:
    assert value_parts("25 kWh/1.000 h, 43kWh/1000h") == ["25 kWh", " 43kWh"]


def test_few_common_values_join_no_unlike_names() -> None:
    yes = {"是": 9, "否": 3}
    found = align_properties([PropertyUse("n", "防水", yes), PropertyUse("s", "折叠", yes)])
    assert found == {("n", "防水"): "防水", ("s", "折叠"): "折叠"}


def test_order_of_input_does_not_matter() -> None:
    uses = [PropertyUse(source, name, COLOURS) for source in "ab" for name in ("颜色", "Color", "颜色分类")]
    assert align_properties(uses) == align_properties(reversed(uses))


def test_names_that_differ_at_heart_are_two_properties() -> None:
    kinds = {"干性": 5, "油性": 5, "中性": 4}
    found = align_properties([PropertyUse("n", "适用发质", kinds), PropertyUse("s", "适用肤质", kinds)])
    assert len(set(found.values())) == 2
    people = {"成人": 5, "儿童": 3, "老人": 2}
    same = align_properties([PropertyUse("n", "适用人群", people), PropertyUse("s", "适合人群", people)])
    assert len(set(same.values())) == 1


def test_names_of_two_languages_are_joined_by_their_values() -> None:
    brands = {"飞利浦": 4, "美的": 3, "Braun": 2, "Bosch": 1}
    uses = [PropertyUse("n", "品牌", brands), PropertyUse("s", "牌子", brands), PropertyUse("e", "Brand", brands)]
    assert set(align_properties(uses).values()) == {"Brand"}


def test_numbers_of_different_units_are_never_one() -> None:
    uses = [PropertyUse("n", "容量", {"500ml": 3, "1L": 2}), PropertyUse("s", "容量大小", {"500g": 3, "1kg": 2})]
    assert len(set(align_properties(uses).values())) == 2


def test_rounded_numbers_are_the_same_values() -> None:
    found = align_properties(
        [
            PropertyUse("a", "Bildschirmdiagonale", {"60,5 cm": 4, "68,6 cm": 3, "80 cm": 1}),
            PropertyUse("b", "Diagonale", {'23.8"': 4, '27"': 3, '31.5"': 1}),
            PropertyUse("c", "Höhe", {"36 cm": 4, "40 cm": 3, "50 cm": 1}),
        ]
    )
    assert found["a", "Bildschirmdiagonale"] == found["b", "Diagonale"] != found["c", "Höhe"]


def test_of_names_that_differ_in_brackets_the_nearer_values_are_one() -> None:
    found = align_properties(
        [
            PropertyUse("a", "Klasse (SDR)", {"E": 5, "F": 4}),
            PropertyUse("a", "Klasse (HDR)", {"G": 9}),
            PropertyUse("b", "Klasse", {"E": 4, "F": 5, "G": 1}),
        ],
        apart(3, 0, 1),
    )
    assert found["b", "Klasse"] == found["a", "Klasse (SDR)"] != found["a", "Klasse (HDR)"]


def test_a_joined_group_is_judged_as_a_whole() -> None:
    """A name that one shop uses for both properties joins the nearer one."""
    used = {"20 kWh": 5, "26 kWh": 5, "33 kWh": 5}
    old = {"41 kWh": 5, "55 kWh": 5, "73 kWh": 5}
    uses = [
        PropertyUse("a", "Verbrauch SDR", used),
        PropertyUse("a", "Verbrauch alt", old),
        PropertyUse("b", "Gesamtverbrauch", {**used, "41 kWh": 1}),
        PropertyUse("c", "Gesamtverbrauch alt", old),
    ]
    found = align_properties(uses, apart(4, 0, 1))
    assert found["b", "Gesamtverbrauch"] == found["a", "Verbrauch SDR"]
    assert found["c", "Gesamtverbrauch alt"] == found["a", "Verbrauch alt"]
