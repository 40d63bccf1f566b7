import pytest

from align import Category, label_similarity
from align.proposals import propose_first_level

TITLES = {
    Category("n", ("家用电器", "风扇")): ["静音电风扇 落地扇", "台式电风扇"],
    Category("n", ("食品",)): ["速溶咖啡 三合一"],
    Category("s", ("电器城", "电扇")): ["电风扇 落地扇 遥控"],
    Category("s", ("零食",)): ["速溶咖啡 挂耳咖啡"],
    Category("s", ("玩具",)): ["积木 拼图"],
    Category("n", ("玩具",)): ["积木"],
}


def test_unmapped_names_are_proposed_by_their_titles() -> None:
    proposals = propose_first_level(TITLES, TITLES, {}, each=1)
    assert {(one.a, one.b) for one in proposals[:2]} == {
        (("n", "家用电器"), ("s", "电器城")),
        (("n", "食品"), ("s", "零食")),
    }
    assert [one.similarity for one in proposals] == sorted((one.similarity for one in proposals), reverse=True)
    fans = next(one for one in proposals if one.a[1] == "家用电器")
    assert fans.s_label == label_similarity("家用电器", "电器城")
    assert fans.entry == ("s:电器城", "家用电器")


def test_names_that_share_a_class_are_not_proposed() -> None:
    ends = {
        end
        for one in propose_first_level(TITLES, TITLES, {"s:电器城": "家用电器", "s:零食": "食品"})
        for end in (one.a, one.b)
    }
    assert ends == set()


@pytest.mark.parametrize("each", [1, 2])
def test_each_category_has_few_proposals(each: int) -> None:
    proposals = propose_first_level(TITLES, TITLES, {}, each=each)
    ends = [end for one in proposals for end in (one.a, one.b)]
    assert max(ends.count(end) for end in ends) <= each


def test_one_source_has_no_proposals() -> None:
    assert propose_first_level([Category("n", ("食品",)), Category("n", ("书",))], {}, {}) == []
