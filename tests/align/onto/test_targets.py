from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from align.catalogue import NO_FACTS, Facts
from align.category import Category
from align.onto.target_tree import TargetNode, TargetTree, build_tree, split_path
from align.onto.targets import map_onto
from align.review import Decision, resolve_decisions

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
TREE = """Clothing > Shirts
Clothing > Trousers
Clothing > Outerwear > Rain jackets
Clothing > Outerwear > Parkas
Garden > Hand tools > Rakes
Garden > Hand tools > Spades
Garden > Plants > Bulbs
Kitchen > Cookware > Frying pans
Kitchen > Cookware > Pots
Kitchen > Knives"""


def tree(text: str = TREE, **attributes: Mapping[str, Sequence[str]]) -> TargetTree:
    paths = [split_path(line) for line in text.splitlines()]
    return build_tree("t", (("", TargetNode(" > ".join(path), path, attributes.get(path[-1], {}))) for path in paths))


def category(text: str, source: str = "shop") -> Category:
    return Category(source, split_path(text))


def mapped(
    paths: Sequence[str],
    titles: Mapping[str, Sequence[str]] | None = None,
    decisions: Sequence[Decision] = (),
    facts: Facts = NO_FACTS,
    onto: TargetTree | None = None,
) -> dict[str, str]:
    found = map_onto(
        [category(path) for path in paths],
        {category(path): some for path, some in (titles or {}).items()},
        facts,
        onto or tree(),
        resolve_decisions(decisions),
    )
    return {one.category.text: one.node.text for one in found}


def chosen(path: str, node: str) -> Decision:
    return Decision("target", category(path), Category("t", split_path(node)), "Ana", NOON)


def test_names_and_paths_decide_and_ancestors_are_mapped_too() -> None:
    found = mapped(["Shop > Hand tools > Rakes", "Shop > Mens Trousers", "Cookware > Cooking pots"])
    assert {path: node for path, node in found.items() if path != "Shop"} == {
        "Shop > Hand tools": "Garden > Hand tools",
        "Shop > Hand tools > Rakes": "Garden > Hand tools > Rakes",
        "Shop > Mens Trousers": "Clothing > Trousers",
        "Cookware": "Kitchen > Cookware",
        "Cookware > Cooking pots": "Kitchen > Cookware > Pots",
    }


def test_a_finer_category_belongs_to_an_inner_node() -> None:
    found = mapped(["Clothing > Outerwear > Ponchos", "Clothing > Outerwear > Parkas > Arctic"])
    assert found["Clothing > Outerwear > Ponchos"] == "Clothing > Outerwear"
    assert found["Clothing > Outerwear > Parkas > Arctic"] == "Clothing > Outerwear > Parkas"


def test_titles_decide_where_the_name_says_nothing() -> None:
    titles = {"New > Arrivals 7": ["Steel spades for clay", "Spades with long handle", "Children's spades"]}
    assert mapped(["New > Arrivals 7"], titles)["New > Arrivals 7"] == "Garden > Hand tools > Spades"


def test_chinese_categories_onto_a_chinese_tree() -> None:
    onto = tree("服饰 > 男装 > 衬衫\n服饰 > 女装 > 连衣裙\n家电 > 厨房电器 > 电饭煲\n家电 > 冰箱")
    found = mapped(["数码家电 > 智能电饭煲", "时尚女装 > 夏季连衣裙"], onto=onto)
    assert found["数码家电 > 智能电饭煲"] == "家电 > 厨房电器 > 电饭煲"
    assert found["时尚女装 > 夏季连衣裙"] == "服饰 > 女装 > 连衣裙"


def test_a_person_overrides_and_guides_the_categories_below() -> None:
    paths = ["Alpha > Beta", "Alpha > Gamma"]
    found = map_onto(map(category, paths), {}, Facts(), tree(), resolve_decisions([chosen("Alpha", "Garden > Plants")]))
    rows = {one.category.text: one for one in found}
    assert (rows["Alpha"].node.text, rows["Alpha"].probability, rows["Alpha"].rule) == (
        "Garden > Plants",
        1.0,
        "person:Ana",
    )
    assert all(rows[path].node.text.startswith("Garden > Plants") for path in paths if path in rows)


def test_a_persons_choice_teaches_similar_categories() -> None:
    titles = {
        "Xa": ["Velvet gizmo blue", "Velvet gizmo red"],
        "Xb": ["Velvet gizmo green", "Velvet gizmo pink"],
    }
    before = mapped(list(titles), titles)
    after = mapped(list(titles), titles, [chosen("Xa", "Kitchen > Knives")])
    assert "Xb" not in before or before["Xb"] != "Kitchen > Knives"
    assert after == {"Xa": "Kitchen > Knives", "Xb": "Kitchen > Knives"}


def test_newest_choice_applies_and_unknown_ones_do_not() -> None:
    decisions = [
        chosen("Tools > Rakes", "Kitchen > Knives"),
        chosen("Tools > Rakes", "Garden > Plants > Bulbs"),
        chosen("Tools > Rakes > No", "Garden"),
        Decision("target", category("Tools"), Category("t", ("No such node",)), "Ana", NOON),
        Decision("target", category("Tools"), Category("other", ("Garden",)), "Ana", NOON),
    ]
    assert mapped(["Tools > Rakes"], decisions=decisions)["Tools > Rakes"] == "Garden > Plants > Bulbs"


def test_attributes_of_the_tree_are_compared_with_specifications() -> None:
    onto = tree("Things > Alpha\nThings > Beta", Alpha={"Blade length": ()}, Beta={"Screen size": ("27 in",)})
    paths = ["Wares > Kind 1", "Wares > Kind 2"]
    specs = {
        category("Wares > Kind 1"): {("Blade length", "20 cm"): 3},
        category("Wares > Kind 2"): {("Screen size", "27 in"): 3},
    }
    found = mapped(paths, facts=Facts(specs), onto=onto)
    assert found["Wares > Kind 1"] == "Things > Alpha"
    assert found["Wares > Kind 2"] == "Things > Beta"


def test_probabilities_evidence_and_alternatives() -> None:
    found = map_onto([category("Garden > Rakes")], {}, Facts(), tree(), resolve_decisions([]))
    rakes = next(one for one in found if one.category.text == "Garden > Rakes")
    assert rakes.node.text == "Garden > Hand tools > Rakes"
    assert rakes.rule == "learned"
    assert 0.5 < rakes.probability < 1
    assert len(rakes.alternatives) == 3
    assert any("words of the paths: " in line for line in rakes.evidence)


@pytest.mark.parametrize("paths", [[], ["Ωψξ"]])
def test_nothing_in_common_yields_no_row(paths: Sequence[str]) -> None:
    assert mapped(paths) == {}
