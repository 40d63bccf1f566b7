import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.duplicates import alike, alike_all, shingles


def test_shingles_are_runs_of_two_characters() -> None:
    assert shingles("红女鞋红女") == {"红女", "女鞋", "鞋红"}
    assert shingles("鞋") == {"鞋"}
    assert shingles("") == frozenset()


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [("红女鞋", "红女鞋", 1.0), ("红女鞋", "女鞋", 1 / 2), ("红女鞋", "茶", 0.0), ("", "", 0.0), ("鞋", "", 0.0)],
)
def test_similarity_is_the_share_of_common_runs(one: str, other: str, similarity: float) -> None:
    assert alike(one, other) == similarity
    assert alike(other, one) == similarity


TEXTS = st.text(alphabet="红女鞋茶ab \U0001f600", max_size=12)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_many_pairs_are_compared_as_one(pairs: list[tuple[str, str]]) -> None:
    found = alike_all([one for one, _ in pairs], [other for _, other in pairs])
    assert found.tolist() == [alike(one, other) for one, other in pairs]
