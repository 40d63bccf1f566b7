import random

from hypothesis import given, settings
from hypothesis import strategies as st

from align.category import Category, Node
from align.merging import LabelReason, Merged, merge
from align.pairs import LabelPair

Accepted = tuple[LabelPair, str]


def node(source: str, name: str) -> Node:
    return Node(source, name, (Category(source, ("食品", name)),), 2)


def accept(one: Node, other: Node, s_label: float, s_content: float) -> Accepted:
    return LabelPair(one, other, s_label, s_content), "same_name" if one.name == other.name else "mep3m"


def test_nothing_accepted_leaves_all_alone() -> None:
    nodes = [node("a", "咖啡"), node("b", "茶")]
    assert merge(nodes, []) == Merged(((nodes[0],), (nodes[1],)), {one.key: LabelReason("own") for one in nodes}, ())


def test_better_of_two_names_of_one_source_is_merged() -> None:
    both, coffee, tea = node("a", "咖啡/奶茶"), node("b", "咖啡"), node("b", "奶茶")
    better, worse = accept(both, tea, 4 / 7, 0.9), accept(both, coffee, 4 / 7, 0.8)
    assert merge([both, coffee, tea], [worse, better]) == Merged(
        groups=((both, tea), (coffee,)),
        reasons={
            both.key: LabelReason("mep3m", tea, 4 / 7, 0.9),
            tea.key: LabelReason("mep3m", both, 4 / 7, 0.9),
            coffee.key: LabelReason("own"),
        },
        refused=(worse[0],),
    )


def test_equal_names_go_before_any_score() -> None:
    milk, powder, milk_too = node("a", "奶粉"), node("b", "羊奶粉"), node("b", "奶粉")
    merged = merge([milk, powder, milk_too], [accept(milk, powder, 0.8, 0.99), accept(milk, milk_too, 1.0, 0.3)])
    assert merged.groups == ((milk, milk_too), (powder,))


def test_three_sources_join_through_the_one_between() -> None:
    one, two, three = node("a", "饮料"), node("b", "饮料饮品"), node("c", "饮品")
    merged = merge([one, two, three], [accept(one, two, 0.67, 0.9), accept(two, three, 0.67, 0.8)])
    assert merged.groups == ((one, two, three),)
    assert merged.reasons == {
        one.key: LabelReason("mep3m", two, 0.67, 0.9),
        two.key: LabelReason("mep3m", one, 0.67, 0.9),
        three.key: LabelReason("mep3m", two, 0.67, 0.8),
    }


def test_two_names_of_one_source_are_not_joined_through_another() -> None:
    one, between, two = node("a", "咖啡"), node("b", "咖啡/奶茶"), node("a", "奶茶")
    far = node("c", "奶茶")
    merged = merge(
        [one, two, between, far],
        [accept(one, between, 0.57, 0.9), accept(two, far, 1.0, 0.5), accept(between, far, 0.57, 0.8)],
    )
    assert merged.groups == ((one, between), (two, far))
    assert merged.refused == (LabelPair(between, far, 0.57, 0.8),)


@st.composite
def scored_nodes(draw: st.DrawFn) -> tuple[list[Node], list[Accepted]]:
    keys = draw(st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from("甲乙丙丁")), max_size=10))
    nodes = [node(*key) for key in sorted(keys)]
    pairs = [(one, other) for one in nodes for other in nodes if one.source < other.source]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    scores = st.sampled_from([0.5, 0.75, 0.9])
    return nodes, [accept(one, other, draw(scores), draw(scores)) for one, other in chosen]


@given(drawn=scored_nodes(), seed=st.integers(0, 9))
@settings(deadline=None)
def test_merging_keeps_its_promises(drawn: tuple[list[Node], list[Accepted]], seed: int) -> None:
    nodes, accepted = drawn
    merged = merge(nodes, accepted)
    shuffled = random.Random(seed).sample(accepted, len(accepted))
    assert merge(nodes, shuffled) == merged
    assert sorted(one.key for group in merged.groups for one in group) == [one.key for one in nodes]
    group_of = {one.key: place for place, group in enumerate(merged.groups) for one in group}
    for group in merged.groups:
        assert len({one.source for one in group}) == len(group)
        for one in group:
            partner = merged.reasons[one.key].partner
            assert (partner is None) == (len(group) == 1)
            assert partner is None or group_of[partner.key] == group_of[one.key]
    for pair, _ in accepted:
        assert (group_of[pair.a.key] == group_of[pair.b.key]) != (pair in merged.refused)
