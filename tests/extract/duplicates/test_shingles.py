import pytest

from extract.duplicates import alike, shingles


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
