"""Residual leakage is measured over all evaluation products, and its nearest pairs are named."""

from contextlib import closing

import pyarrow as pa
import pytest

from splits import Certificate, build, parse_recipe
from splits.certificate import Near, certify
from storage.tables import TABLES
from tests.splits.synthetic import Thing, catalogue, connect, record, stored

RECIPE = """
name = "plain"
[[splits]]
kind = "sample"
name = "train"
size = { share = 1.0 }
[[splits]]
kind = "sample"
name = "test"
pool = "reserve"
size = { share = 1.0 }
"""

CAPTIONS = {
    "t:1": "Blue  cotton shirt for men",
    "t:2": "Garden hose, twenty metres",
    "h:1": "blue cotton shirt for men ",
    "h:2": "Garden hose, thirty metres",
    "h:3": "something else entirely",
}
HASHES = {"t:1": 0b1111, "t:2": -1, "h:1": 0b1011, "h:2": -1}


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    things = [Thing(name, held=name[0] == "h", caption=caption) for name, caption in CAPTIONS.items()]
    recipe = parse_recipe(RECIPE, "plain.toml")
    blank = {"position": 0, "sha256": "x", "width": 1, "height": 1, "size_group": "small"}
    blank |= {"sharpness": 0.0, "blank_share": 0.0, "border_share": 0.0, "margin_detail": 0.0, "pixels": ""}
    images = [blank | {"product_id": name, "phash": value} for name, value in HASHES.items()]
    tables = stored(things) | record(build(catalogue(things), recipe, 1), recipe, 1)
    tables["images"] = pa.Table.from_pylist(images, schema=TABLES["images"].schema)
    with closing(connect(tables)) as connection:
        return certify(connection, recipe, 1, 1, {})


def test_equal_and_nearest_images_are_found(certificate: Certificate) -> None:
    image = certificate.leakage[0]
    assert (image.measure, image.products, image.equal, image.sampled) == ("image", 2, 1, 2)
    assert image.nearest == (Near("h:2", "t:2", 0.0), Near("h:1", "t:1", 1.0))


def test_like_captions_are_found_whatever_their_case_and_spaces(certificate: Certificate) -> None:
    caption = certificate.leakage[1]
    assert (caption.measure, caption.products, caption.equal, caption.sampled) == ("caption", 3, 1, 3)
    assert caption.nearest[0] == Near("h:1", "t:1", 0.0)
    assert (caption.nearest[1].evaluation, caption.nearest[1].train) == ("h:2", "t:2")
    assert 0 < caption.nearest[1].value < 0.5
    assert caption.nearest[2] == Near("h:3", "", 1.0)
    assert caption.quantiles[0] == (0.0, 0.0)
