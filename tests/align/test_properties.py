from align.properties import PropertyUse, align_properties

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
