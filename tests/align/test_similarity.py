import random
import warnings
from collections.abc import Callable
from difflib import SequenceMatcher
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align import content_similarity, label_similarity
from align.settings import CHARACTERS, ContentTerms
from align.similarity import ContentVectors, join_titles, similar_labels

NAMES = st.lists(st.text(alphabet="咖啡奶茶/饮料ab", min_size=1, max_size=7), max_size=12)


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ("婴幼奶粉", "婴幼儿奶粉", 0.89),
        ("婴儿湿巾", "湿巾", 0.67),
        ("咖啡/奶茶", "咖啡", 0.57),
        ("饮料", "饮料饮品", 0.67),
        ("办公文具", "办公文仪", 0.75),
        ("洗澡用具", "洗澡用具", 1.00),
    ],
)
def test_table_3_of_mep_3m(one: str, other: str, published: float) -> None:
    assert round(label_similarity(one, other), 2) == published


def test_names_are_taken_in_the_order_given() -> None:
    one, other = "tide", "diet"
    assert label_similarity(one, other) == SequenceMatcher(None, one, other).ratio()
    assert label_similarity(one, other) != label_similarity(other, one)


@given(a=NAMES, b=NAMES, at_least=st.sampled_from([0.01, 0.5, 4 / 7, 2 / 3, 1.0]))
def test_pruning_changes_no_result(a: list[str], b: list[str], at_least: float) -> None:
    everything = [(i, j, label_similarity(a[i], b[j])) for j in range(len(b)) for i in range(len(a))]
    assert list(similar_labels(a, b, at_least)) == [pair for pair in everything if pair[2] >= at_least]


def test_long_names_are_not_matched_one_by_one() -> None:
    long = "长" * 100_000
    assert list(similar_labels([long, "甲"], ["甲", "乙" * 100_000], 0.5)) == [(1, 0, 1.0)]


@pytest.mark.parametrize("at_least", [0.0, -1.0, 1.5])
def test_threshold_that_prunes_nothing_is_refused(at_least: float) -> None:
    with pytest.raises(ValueError, match="at_least must be above 0 and at most 1"):
        list(similar_labels(["甲"], ["甲"], at_least))


with warnings.catch_warnings():  # simtext switches all warnings off when it is imported
    warnings.simplefilter("ignore")
    import jieba
    from simtext import similarity

PIECES = (
    *("补水", "面膜", "保湿", "男鞋", "女鞋", "运动", "苹果手机", "T恤", "的", "新款", "奶粉", "婴幼儿", "洗澡用具"),
    *("iPhone14", "USB-C", "3.5", "500ml", "ABC", "a_b", "X", "café", "İstanbul", "№5", "１２"),
    *("😀", "，", "/", " ", "  ", "\t"),
)


@pytest.fixture(scope="module")
def simtext_cosine(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], float]:
    """Return simtext 1.2's cosine, without its other measures, which are slow."""
    jieba.setLogLevel(60)
    jieba.dt.tmp_dir = str(tmp_path_factory.mktemp("jieba"))

    def cosine(one: str, other: str) -> float:
        measure = similarity()
        try:
            _, _, vector, other_vector = measure.transform(one, other)
        except ValueError:  # no words: simtext fails, ours is 0
            return 0.0
        return float(measure.cosine_similarity(vector, other_vector))

    return cosine


def test_binary_mode_is_that_of_simtext(simtext_cosine: Callable[[str, str], float]) -> None:
    rng = random.Random(20)
    worst = 0.0
    for _ in range(1_000):
        one, other = ("".join(rng.choices(PIECES, k=rng.randint(0, 25))) for _ in range(2))
        worst = max(worst, abs(content_similarity(one, other, counts=False) - simtext_cosine(one, other)))
    assert worst <= 1e-9


def test_example_counted_by_hand() -> None:
    # 的 has one character and does not count.
    one = ["补水面膜", "保湿的面膜"]  # 补水 1, 面膜 2, 保湿 1
    other = ["面膜", "补水 补水"]  # 面膜 1, 补水 2
    assert content_similarity(one, other) == pytest.approx((1 * 2 + 2 * 1) / (sqrt(1 + 4 + 1) * sqrt(1 + 4)))
    assert content_similarity(one, other, counts=False) == pytest.approx(2 / (sqrt(3) * sqrt(2)))


def test_case_and_one_character_words_do_not_count() -> None:
    assert content_similarity(["IPHONE 的 手机壳"], ["iphone 了 手机壳"]) == 1.0


@pytest.mark.parametrize(("one", "other"), [([], ["面膜"]), (["面膜"], []), (["的"], ["面膜"]), ([], [])])
def test_nothing_to_count_is_nothing_alike(one: list[str], other: list[str]) -> None:
    assert content_similarity(one, other) == 0.0


def test_words_never_span_two_titles() -> None:
    assert content_similarity(["苹果", "手机"], ["苹果\n手机"]) == 1.0
    assert content_similarity(["洗面", "奶粉"], ["奶粉"]) == pytest.approx(1 / sqrt(2))


def test_only_the_first_characters_count() -> None:
    filler = ["面膜" * 10] * (CHARACTERS // 21 + 1)
    assert len("\n".join(filler)) > CHARACTERS
    assert content_similarity([*filler, "洗衣机" * 500], filler) == 1.0
    assert content_similarity(["洗衣机" * 500, *filler], filler) < 1.0


def test_titles_are_lines_of_one_text() -> None:
    assert join_titles(["甲", "乙丙"], 3) == "甲\n乙"
    assert join_titles("甲乙丙", 2) == "甲乙"


@given(titles=st.lists(st.lists(st.sampled_from(PIECES), max_size=8), min_size=1, max_size=5), counts=st.booleans())
@settings(max_examples=50, deadline=None)
def test_vectors_made_once_give_what_single_pairs_give(titles: list[list[str]], *, counts: bool) -> None:
    texts = [join_titles(some) for some in titles]
    left, right = (side.ravel() for side in np.meshgrid(np.arange(len(texts)), np.arange(len(texts))))
    terms: ContentTerms = "counts" if counts else "binary"
    together = ContentVectors(texts).similarities(left, right, terms=terms)
    alone = [content_similarity(titles[i], titles[j], counts=counts) for i, j in zip(left, right, strict=True)]
    assert together.tolist() == alone


def test_simtext_computes_the_binary_similarity() -> None:
    rng = random.Random(21)
    texts = ["".join(rng.choices(PIECES, k=rng.randint(0, 25))) for _ in range(60)]
    left, right = np.arange(0, 60, 2), np.arange(1, 60, 2)
    vectors = ContentVectors(texts)
    difference = vectors.similarities(left, right, terms="simtext") - vectors.similarities(left, right, terms="binary")
    assert np.abs(difference).max() <= 1e-9
