import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extract.duplicates import alike, band_keys, crowded_bands, pairs_of_keys

TEXTS = st.lists(st.text(alphabet="红女鞋茶ab ", min_size=1, max_size=12), max_size=8)


@given(TEXTS)
def test_keys_of_a_text_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = band_keys(texts)
    assert together.shape == (len(texts), 16)
    for row, text in enumerate(texts):
        assert np.array_equal(together[row], band_keys([text])[0])


def test_keys_depend_on_the_runs_of_four_alone() -> None:
    keys = band_keys(["红女鞋茶红女鞋茶", "红女鞋茶红女鞋茶红女鞋茶", "红女鞋茶红女鞋"])
    assert np.array_equal(keys[0], keys[1])
    assert np.array_equal(keys[0], keys[2])


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
    assert near == 300  # about one in 10⁹ is missed
    assert far < 30  # expected share: 1 - (1 - 0.2⁴)¹⁶ = 0.025


def by_force(keys: list[list[int]], most: int) -> list[tuple[int, int]]:
    def met(left: int, right: int) -> bool:
        bands = [band for band in range(16) if keys[left][band] == keys[right][band]]
        return any(sum(row[band] == keys[left][band] for row in keys) <= most for band in bands)

    return [(left, right) for right in range(len(keys)) for left in range(right) if met(left, right)]


@given(st.lists(st.lists(st.integers(0, 3), min_size=16, max_size=16), max_size=12), st.integers(2, 6))
def test_pairs_share_a_key_that_few_have_and_come_once(keys: list[list[int]], most: int) -> None:
    table = np.array(keys, dtype=np.uint32).reshape(-1, 16)
    found = [
        pair
        for left, right in pairs_of_keys(table, crowded_bands(table, most))
        for pair in zip(left.tolist(), right.tolist(), strict=True)
    ]
    assert len({*found}) == len(found)
    assert sorted(found) == sorted(by_force(keys, most))
