import io
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from demo_shops.images import draw_product, render_image
from demo_shops.listings import Listing
from demo_shops.plan import make_plan
from demo_shops.products import Product, read_assortment
from demo_shops.videos import play_tune


def _first_goods() -> dict[str, Product]:
    products: dict[str, Product] = {}
    for one in make_plan("demo").listings:
        products.setdefault(one.product.kind.key, one.product)
    return products


def test_every_kind_is_drawn_and_no_two_alike() -> None:
    kinds, products = read_assortment().kinds, _first_goods()
    assert products.keys() == {kind.key for kind in kinds}
    plain = replace(products["mask"], pattern="plain", mark="")
    images = {
        kind.key: np.asarray(draw_product(replace(plain, kind=kind)).convert("LA")).astype(float) for kind in kinds
    }
    assert {0.05 < (image[..., 1] > 128).mean() < 0.9 for image in images.values()} == {True}
    for one, other in combinations(images, 2):
        assert np.abs(images[one] - images[other]).mean() > 5, (one, other)


def test_a_drawing_is_the_same_each_time() -> None:
    product = next(iter(_first_goods().values()))
    assert draw_product(product).tobytes() == draw_product(product).tobytes()


def _hues(one: Listing) -> NDArray[np.float64]:
    """Return the hue histogram of the front image's strong colours: the product's, since backdrops are pale."""
    body = render_image(draw_product(one.product), one.product, one.shop, one.images[0])
    hue, saturation, _ = np.asarray(Image.open(io.BytesIO(body)).convert("HSV")).transpose(2, 0, 1)
    found, _ = np.histogram(hue[saturation > 115], bins=12, range=(0, 256))
    return np.asarray(found / max(1, found.sum()))


def test_same_good_is_more_alike_in_both_shops_than_another_of_its_kind() -> None:
    masks = [
        one for one in make_plan("demo").listings if one.product.kind.key == "mask" and not one.base and one.images
    ]
    hues = {one.product_id: _hues(one) for one in masks}
    overlaps: dict[bool, list[float]] = {True: [], False: []}
    for one, other in combinations(masks, 2):
        if one.shop != other.shop:
            shared = np.minimum(hues[one.product_id], hues[other.product_id]).sum()
            overlaps[one.product == other.product].append(float(shared))
    assert np.mean(overlaps[True]) > np.mean(overlaps[False]) + 0.2


def _pitches(product: Product, shop: str) -> NDArray[np.float64]:
    samples = play_tune(product, "north" if shop == "north" else "south", 3.0, 1).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(samples))
    bands: NDArray[np.float64] = np.array([band.sum() for band in np.array_split(spectrum[200:6000], 120)])
    return bands / np.linalg.norm(bands)


def test_tunes_tell_goods_apart_and_are_kept_across_shops() -> None:
    products = list(_first_goods().values())[:8]
    for product in products:
        assert float(_pitches(product, "north") @ _pitches(product, "south")) > 0.97
    for one, other in combinations(products, 2):
        assert float(_pitches(one, "north") @ _pitches(other, "north")) < 0.97


@pytest.mark.parametrize("seconds", [2.0, 2.25, 11.75])
def test_a_tune_is_exactly_as_long_as_asked(seconds: float) -> None:
    product = next(iter(_first_goods().values()))
    assert len(play_tune(product, "north", seconds, 1)) == round(44_100 * seconds)
