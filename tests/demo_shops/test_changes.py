from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from core.errors import WorkspaceError
from demo_shops.pages import BASES
from demo_shops.server import serving
from demo_shops.shops import Shops, build, change_product, remove_product
from demo_shops.truth import Drop

Fetch = Callable[..., tuple[int, dict[str, str], bytes]]


def test_a_changed_product_is_served_at_once_and_the_truth_follows(copied_shops: Shops, fetch: Fetch) -> None:
    with serving(copied_shops.folder) as base_urls:
        before = copied_shops.truth(base_urls.bases)
        old = next(one for one in before.products if one.source == "south" and one.record.specs and not one.contacts)
        status, headers, page = fetch(old.record.url)
        change_product(copied_shops.folder, old.product_id)
        after = copied_shops.truth(base_urls.bases)
        new = after.product(old.product_id)
        changed, new_headers, new_page = fetch(old.record.url, If_None_Match=headers["ETag"])
    assert (status, changed) == (200, 200)
    assert new_headers["Last-Modified"] != headers["Last-Modified"]
    assert old.record.price is not None
    last = replace(old.record.specs[-1], value=f"{old.record.specs[-1].value}（第1次改版）")
    assert new.record == replace(old.record, price=old.record.price + Decimal(10), specs=(*old.record.specs[:-1], last))
    assert str(new.record.price).encode() in new_page
    assert last.value.encode("gbk") in new_page
    assert last.value.encode("gbk") not in page
    assert [one for one in after.products if one.product_id != old.product_id] == [
        one for one in before.products if one.product_id != old.product_id
    ]
    assert after.drops == before.drops


def test_a_second_change_differs_from_the_first(copied_shops: Shops) -> None:
    product_id = copied_shops.truth(BASES).products[0].product_id
    prices = []
    for _ in range(3):
        prices.append(copied_shops.truth(BASES).product(product_id).record.price)
        change_product(copied_shops.folder, product_id)
    assert len(set(prices)) == 3


def test_a_removed_product_answers_404_and_becomes_a_drop(copied_shops: Shops, fetch: Fetch) -> None:
    with serving(copied_shops.folder) as base_urls:
        before = copied_shops.truth(base_urls.bases)
        gone = before.product("south:30005")
        remove_product(copied_shops.folder, gone.product_id)
        after = copied_shops.truth(base_urls.bases)
        assert fetch(gone.record.url)[0] == 404
        assert [one for one in before.products if one != gone] == list(after.products)
        assert set(after.drops) - set(before.drops) == {Drop("south", gone.record.url, "http_404")}
        assert all(gone.product_id not in (pair.query, pair.candidate) for pair in after.pairs)


def test_changing_one_of_two_copies_parts_them(copied_shops: Shops) -> None:
    before = copied_shops.truth(BASES)
    group = next(iter(set(before.exact_text) & set(before.exact_content)))
    change_product(copied_shops.folder, group[1])
    after = copied_shops.truth(BASES)
    assert set(before.exact_text) - set(after.exact_text) == {group}
    assert set(before.exact_content) - set(after.exact_content) == {group}


def test_changes_stay_through_a_second_build(copied_shops: Shops) -> None:
    remove_product(copied_shops.folder, "north:N10004")
    again = build(copied_shops.folder, "tiny")
    assert "north:N10004" not in {one.product_id for one in again.plan.listings}


def test_unknown_product_is_named(copied_shops: Shops) -> None:
    with pytest.raises(WorkspaceError, match="'north:none'"):
        change_product(copied_shops.folder, "north:none")
