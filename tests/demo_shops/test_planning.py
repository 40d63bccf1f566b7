from collections import Counter

import pytest

from demo_shops.listings import PRESETS, Listing, Size
from demo_shops.plan import make_plan

SIZES: tuple[Size, ...] = ("demo", "tiny")


@pytest.mark.parametrize("size", SIZES)
def test_two_plans_are_equal(size: Size) -> None:
    assert make_plan(size) == make_plan(size)


def test_demo_is_as_large_as_promised() -> None:
    plan = make_plan("demo")
    assert Counter(one.shop for one in plan.listings) == {"north": 102, "south": 98}
    assert {one.markup for one in plan.listings} == {"json-ld", "microdata", "plain"}
    assert {len(one.images) for one in plan.listings} == {0, 5}
    sounding = [one for one in plan.listings if one.video and one.video.audio and one.video.outcome == "ok"]
    assert len(sounding) >= len(plan.listings) / 2
    assert {2 <= one.video.seconds <= 12 for one in plan.listings if one.video} == {True}


def test_demo_has_a_long_tail() -> None:
    plan = make_plan("demo")
    sizes = sorted(Counter(one.product.kind.class_key + one.category[1] for one in plan.listings).values())
    kinds = sorted(Counter(one.product.kind.key for one in plan.listings).values())
    assert len(kinds) >= 24
    assert kinds[0] <= 2
    assert kinds[-1] >= 20
    assert sizes[len(sizes) // 2] < sum(sizes) / len(sizes)


def test_tiny_has_twenty_products_in_two_shops_and_few_films() -> None:
    plan = make_plan("tiny")
    assert Counter(one.shop for one in plan.listings) == {"north": 11, "south": 9}
    assert 3 <= len({one.video.path for one in plan.listings if one.video and one.video.outcome == "ok"}) <= 4


def _lacking(one: Listing) -> list[str]:
    lacks = {"specs": not one.specs_shown, "images": not one.images, "caption": one.caption_shown is None}
    silent = one.video is not None and one.video.outcome == "ok" and not one.video.audio
    return [name for name, there in (lacks | {"audio": silent}).items() if there]


@pytest.mark.parametrize("size", SIZES)
def test_every_flaw_is_there_as_often_as_the_preset_says(size: Size) -> None:
    plan, preset = make_plan(size), PRESETS[size]
    bases = [one for one in plan.listings if one.base is None]
    images = Counter(image.outcome for one in bases for image in one.images)
    videos = Counter(one.video.outcome for one in bases if one.video)
    contacts = Counter(one.caption_contact.kind for one in bases if one.caption_contact)
    del images["ok"], videos["ok"]
    assert images == preset.image_flaws
    assert videos == preset.video_flaws
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
    images = [(one.shop, image.path) for one in plan.listings for image in one.images]
    pages = [(one.shop, one.path) for one in (*plan.listings, *plan.forbidden)]
    captions = [one.caption for one in plan.listings if one.caption and one.copy_rule not in {"content_text", "text"}]
    for things in (images, pages, captions):
        assert len(set(things)) == len(things)


def test_many_goods_are_in_both_shops_under_other_words_and_photos() -> None:
    plan = make_plan("demo")
    listed: dict[int, dict[str, Listing]] = {}
    for one in plan.listings:
        if one.base is None:
            listed.setdefault(one.product.number, {})[one.shop] = one
    both = [shops for shops in listed.values() if len(shops) == 2]
    assert len(both) >= 50
    for shops in both:
        north, south = shops["north"], shops["south"]
        assert north.caption != south.caption
        assert {image.view for image in north.images}.isdisjoint(image.view for image in south.images)


def test_southern_text_fits_gbk_and_some_of_it_only_gbk() -> None:
    texts = [f"{one.merchant}{one.caption_shown}{one.specs_shown}" for one in make_plan("demo").of("south")]
    assert all(text.encode("gbk") for text in texts)
    with pytest.raises(UnicodeEncodeError):
        "".join(texts).encode("gb2312")
