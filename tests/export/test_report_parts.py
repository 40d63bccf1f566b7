"""The parts of the report that are more than a query."""

from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from export.report.images import nearest_of_other_classes
from export.report.numbers import ask
from export.report.page import commonest_words, histogram, image_sizes, lay_out, render
from storage import Store

_words = st.dictionaries(st.text(alphabet="ab茶壶", min_size=1, max_size=8), st.integers(1, 500), max_size=25)


def test_words_are_those_of_jieba_without_numbers_and_single_characters() -> None:
    captions = ["婴幼儿奶粉 900", "婴幼儿奶粉 三段", "a red pot 900"]
    assert commonest_words(captions, shown=3) == [("奶粉", 2), ("婴幼儿", 2), ("pot", 1)]


@given(_words)
@settings(max_examples=25, deadline=None)
def test_words_of_a_cloud_never_overlap_and_stay_inside(words: dict[str, int]) -> None:
    ordered = sorted(words.items(), key=lambda pair: -pair[1])
    placed = lay_out(ordered)
    assert all(word.is_inside for word in placed)
    assert not any(one.meets(other) for one, other in combinations(placed, 2))
    assert not ordered or placed[0].word == ordered[0][0]


def test_figures_of_nothing_are_drawn_too() -> None:
    assert histogram([], "seconds", "count").startswith("<svg")
    assert image_sizes([], "width", "height").startswith("<svg")


def test_one_sub_class_has_no_neighbours_of_others(store: Store) -> None:
    assert nearest_of_other_classes(store.objects, store.snapshot()) == []


def test_rows_lead_to_what_is_behind_them(store: Store) -> None:
    page = render("shop", 1, replace(ask(store.snapshot()), rejects=[{"stage": "it's", "reason": "a"}]), [], [])
    assert '<a href="/products?sub_class=%E8%8C%B6%E5%85%B7">' in page
    assert '<a href="/products?video=no_video">' in page
    assert '<a href="/products?p.%E9%A2%9C%E8%89%B2=">' in page
    assert "stage+%3D+%27it%27%27s%27" in page


def test_the_report_is_in_both_languages(store: Store) -> None:
    asked = ask(store.snapshot())
    english, chinese = (render("shop", 1, asked, [], [], language) for language in ("en", "zh"))
    assert ('lang="en"' in english, 'href="report.zh.html"' in english, "no video" in english) == (True, True, True)
    assert ('lang="zh-Hans"' in chinese, 'href="report.html"' in chinese, "无视频" in chinese) == (True, True, True)
    assert ("Video duration" in chinese, "字符数" in chinese) == (False, True)
