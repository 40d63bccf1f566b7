import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.duplicates import alike, band_keys, shingles


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


TEXTS = st.lists(st.text(alphabet="红女鞋茶ab ", min_size=1, max_size=12), max_size=8)


@given(TEXTS)
def test_keys_of_a_text_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = band_keys(texts)
    assert together.shape == (len(texts), 16)
    for row, text in enumerate(texts):
        assert np.array_equal(together[row], band_keys([text])[0])


@given(TEXTS)
def test_keys_depend_on_the_runs_alone(texts: list[str]) -> None:
    keys = band_keys(texts)
    for one, text in enumerate(texts):
        for other, another in enumerate(texts):
            if shingles(text) == shingles(another):
                assert np.array_equal(keys[one], keys[other])


def test_bands_never_share_a_key() -> None:
    keys = band_keys(["红女鞋", "红女鞋"])
    assert len(set(keys.ravel().tolist())) == 16


def test_alike_texts_meet_and_others_do_not() -> None:
    rng = random.Random(4)
    letters = [chr(0x4E00 + number) for number in range(3_000)]
    near = far = 0
    for _ in range(300):
        text = "".join(rng.choices(letters, k=40))
        changed = text[:20] + rng.choice(letters) + text[20:]
        other = "".join(rng.choices(letters, k=20)) + text[30:]
        keys = band_keys([text, changed, other])
        assert alike(text, changed) > 0.9
        assert alike(text, other) < 0.25
        near += bool(np.any(keys[0] == keys[1]))
        far += bool(np.any(keys[0] == keys[2]))
    assert near == 300  # one misses in 10⁹ or so
    assert far < 30  # 1 - (1 - 0.2⁴)¹⁶ = 0.025 of them
