from collections import Counter

import pytest

from demo_shops.listings import Listing
from demo_shops.planning import make_plan
from demo_shops.presets import PRESETS, Size

SIZES: tuple[Size, ...] = ("demo", "tiny")


@pytest.mark.parametrize("size", SIZES)
def test_two_plans_are_equal(size: Size) -> None:
    assert make_plan(size) == make_plan(size)


def test_demo_is_as_large_as_promised() -> None:
    plan = make_plan("demo")
    assert Counter(one.shop for one in plan.listings) == {"north": 102, "south": 98}
    assert {one.markup for one in plan.listings} == {"json-ld", "microdata", "plain"}
    assert {len(one.photos) for one in plan.listings} == {0, 5}
    sounding = [one for one in plan.listings if one.film and one.film.sound and one.film.outcome == "ok"]
    assert len(sounding) >= len(plan.listings) / 2
    assert {2 <= one.film.seconds <= 12 for one in plan.listings if one.film} == {True}


def test_demo_has_a_long_tail() -> None:
    plan = make_plan("demo")
    sizes = sorted(Counter(one.good.kind.class_key + one.category[1] for one in plan.listings).values())
    kinds = sorted(Counter(one.good.kind.key for one in plan.listings).values())
    assert len(kinds) >= 24
    assert kinds[0] <= 2
    assert kinds[-1] >= 20
    assert sizes[len(sizes) // 2] < sum(sizes) / len(sizes)


def test_tiny_has_twenty_products_in_two_shops_and_few_films() -> None:
    plan = make_plan("tiny")
    assert Counter(one.shop for one in plan.listings) == {"north": 11, "south": 9}
    assert 3 <= len({one.film.path for one in plan.listings if one.film and one.film.outcome == "ok"}) <= 4


def _lacking(one: Listing) -> list[str]:
    lacks = {"specs": not one.specs_shown, "images": not one.photos, "caption": one.caption_shown is None}
    silent = one.film is not None and one.film.outcome == "ok" and not one.film.sound
    return [name for name, there in (lacks | {"sound": silent}).items() if there]


@pytest.mark.parametrize("size", SIZES)
def test_every_flaw_is_there_as_often_as_the_preset_says(size: Size) -> None:
    plan, preset = make_plan(size), PRESETS[size]
    bases = [one for one in plan.listings if one.base is None]
    photos = Counter(photo.outcome for one in bases for photo in one.photos)
    films = Counter(one.film.outcome for one in bases if one.film)
    contacts = Counter(one.caption_contact.kind for one in bases if one.caption_contact)
    del photos["ok"], films["ok"]
    assert photos == preset.photo_flaws
    assert films == preset.film_flaws
    assert contacts | Counter(spec=sum(one.spec_contact is not None for one in bases)) == preset.contacts
    assert Counter(name for one in bases for name in _lacking(one)) == preset.missing
    assert Counter(one.copy_rule for one in plan.listings if one.copy_rule) == preset.copies


@pytest.mark.parametrize("size", SIZES)
def test_a_merchant_has_one_to_ten_products_and_a_shop_several_merchants(size: Size) -> None:
    for shop in ("north", "south"):
        held = Counter(one.merchant for one in make_plan(size).listings if one.shop == shop)
        assert len(held) >= 3
        assert max(held.values()) <= 10


def test_ids_paths_and_captions_are_each_given_once() -> None:
    plan = make_plan("demo")
    photos = [(one.shop, photo.path) for one in plan.listings for photo in one.photos]
    pages = [(one.shop, one.path) for one in (*plan.listings, *plan.barred)]
    captions = [one.caption for one in plan.listings if one.caption and one.copy_rule not in {"content_text", "text"}]
    for things in (photos, pages, captions):
        assert len(set(things)) == len(things)


def test_many_goods_are_in_both_shops_under_other_words_and_photos() -> None:
    plan = make_plan("demo")
    listed: dict[int, dict[str, Listing]] = {}
    for one in plan.listings:
        if one.base is None:
            listed.setdefault(one.good.number, {})[one.shop] = one
    both = [shops for shops in listed.values() if len(shops) == 2]
    assert len(both) >= 50
    for shops in both:
        north, south = shops["north"], shops["south"]
        assert north.caption != south.caption
        assert {photo.view for photo in north.photos}.isdisjoint(photo.view for photo in south.photos)


def test_southern_text_fits_gbk_and_some_of_it_only_gbk() -> None:
    texts = [f"{one.merchant}{one.caption_shown}{one.specs_shown}" for one in make_plan("demo").of("south")]
    assert all(text.encode("gbk") for text in texts)
    with pytest.raises(UnicodeEncodeError):
        "".join(texts).encode("gb2312")
