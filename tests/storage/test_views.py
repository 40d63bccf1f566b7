"""The ledger states for each product and modality that it is present, or why it is not."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from core.records import Reject
from core.stage import StageReport
from storage import Store
from tests.storage.synthetic import commit, medium, product, spec, table

P = "shop:1"
VIDEO_SHA = f"{P}/video/0"
FRAME = {
    "product_id": P,
    "video_sha256": VIDEO_SHA,
    "second": 0,
    "pts_s": 0.0,
    "width": 8,
    "height": 8,
    "phash": 1,
    "object": "frames",
    "offset": 0,
    "length": 9,
}
SOUND = {
    "product_id": P,
    "video_sha256": VIDEO_SHA,
    "mp3": "mp3",
    "sample_rate": 16000,
    "duration_s": 1.0,
    "start_s": 0.0,
    "gap_starts_s": [],
    "gap_lengths_s": [],
    "mfcc": "mfcc",
    "n_mfcc": 13,
    "mfcc_frames": 2,
    "mfcc_settings": "{}",
}
NOTHING = {
    "image": "no_image_on_page",
    "caption": "no_caption",
    "specifications": "no_specs",
    "video": "no_video",
    "audio": "no_video",
    "modalities": 0,
}


def ledger(store: Store) -> Mapping[str, object]:
    (row,) = store.snapshot().sql("SELECT * EXCLUDE (product_id) FROM ledger").to_pylist()
    found: Mapping[str, object] = row
    return found


def refuse(store: Store, reason: str, detail: str) -> None:
    with store.stage("extract", settings="s") as stage:
        stage.reject([Reject(VIDEO_SHA, reason, detail), Reject("another", "too_long", "frames: 900 s")])
        stage.commit(StageReport("extract", 2, 0, {reason: 1, "too_long": 1}))


@pytest.mark.parametrize("caption", [None, "", "  "])
def test_a_bare_product_lacks_everything(store: Store, caption: str | None) -> None:
    commit(store, {"products": table("products", [product(P, caption)])})
    assert ledger(store) == NOTHING


def test_a_complete_product_has_five_modalities(store: Store) -> None:
    media = [medium(P, "image", 0, "failed", "http_404"), medium(P, "image", 1), medium(P, "video", 0)]
    tables = {
        "products": table("products", [product(P)]),
        "specs": table("specs", [spec(P, 0), spec(P, 1)]),
        "media": table("media", media),
        "frames": table("frames", [FRAME]),
        "audio": table("audio", [SOUND]),
    }
    commit(store, tables)
    assert ledger(store) == dict.fromkeys(NOTHING, "present") | {"modalities": 5}


def test_media_that_failed_give_the_reason_of_the_first(store: Store) -> None:
    media = [
        medium(P, "image", 1, "failed", "timeout"),
        medium(P, "image", 0, "failed", "http_404"),
        medium(P, "video", 0, "dropped", "too_long"),
    ]
    commit(store, {"products": table("products", [product(P, None)]), "media": table("media", media)})
    assert ledger(store) == NOTHING | {"image": "http_404", "video": "too_long", "audio": "too_long"}


def test_what_was_not_tried_yet_is_pending(store: Store) -> None:
    media = [medium(P, "image", 0, "pending"), medium(P, "video", 0)]
    commit(store, {"products": table("products", [product(P, None)]), "media": table("media", media)})
    assert ledger(store) == NOTHING | {"image": "pending", "video": "pending", "audio": "pending"}


@pytest.mark.parametrize(
    ("reason", "detail", "frames", "video", "audio"),
    [
        ("broken_video", "frames: no picture", [], "broken_video", "broken_video"),
        ("no_sound", "sound: no stream", [FRAME], "present", "no_sound"),
        ("broken_audio", "sound: torn off", [FRAME], "present", "broken_audio"),
    ],
)
def test_a_video_that_extraction_refused_says_why(
    store: Store, reason: str, detail: str, frames: list[dict[str, object]], video: str, audio: str
) -> None:
    tables = {"products": table("products", [product(P, None)]), "media": table("media", [medium(P, "video", 0)])}
    commit(store, {**tables, "frames": table("frames", frames)})
    refuse(store, reason, detail)
    present = int(video == "present")
    assert ledger(store) == NOTHING | {"video": video, "audio": audio, "modalities": present}


def refuse_image(store: Store, position: int) -> None:
    with store.stage("extract", settings="s") as stage:
        stage.reject([Reject(f"{P}/image/{position}", "image_broken", "image: the file is damaged")])
        stage.commit(StageReport("extract", 1, 0, {"image_broken": 1}))


def test_image_that_no_decoder_reads_is_not_present(store: Store) -> None:
    tables = {"products": table("products", [product(P, None)]), "media": table("media", [medium(P, "image", 0)])}
    commit(store, tables)
    refuse_image(store, 0)
    assert ledger(store) == NOTHING | {"image": "image_broken"}


def test_another_image_makes_up_for_one_that_no_decoder_reads(store: Store) -> None:
    media = [medium(P, "image", 0), medium(P, "image", 1)]
    commit(store, {"products": table("products", [product(P, None)]), "media": table("media", media)})
    refuse_image(store, 0)
    assert ledger(store) == NOTHING | {"image": "present", "modalities": 1}


def test_sound_that_was_neither_kept_nor_refused_is_pending(store: Store) -> None:
    tables = {"products": table("products", [product(P, None)]), "media": table("media", [medium(P, "video", 0)])}
    commit(store, {**tables, "frames": table("frames", [FRAME])})
    assert ledger(store) == NOTHING | {"video": "present", "audio": "pending", "modalities": 1}


def test_the_ledger_has_one_row_a_product(store: Store) -> None:
    names = [f"shop:{number}" for number in range(9)]
    media = [medium(name, kind, position) for name in names for kind in ("image", "video") for position in range(3)]
    commit(store, {"products": table("products", [product(n) for n in names]), "media": table("media", media)})
    rows = store.snapshot().sql("SELECT product_id FROM ledger ORDER BY 1").column(0).to_pylist()
    assert rows == names


def test_same_products_have_all_offers_and_their_earlier_prices(store: Store) -> None:
    mug, lamp = "00012345600012", "04006381333931"
    stated = [
        ("a:1", mug, "Reed", "R7", 20),
        ("b:1", mug, "reed ltd", None, 18),
        ("b:2", lamp, "Reed", "R8", None),
        ("c:1", lamp, "Birch", "B1", 30),
        ("c:2", None, "Reed", "R7", 20),
        ("d:1", "05901234123457", None, None, 1),
    ]
    listed = [
        product(one, f"words of {one}") | {"source": one[0], "gtin14": gtin, "brand": brand, "mpn": mpn, "price": price}
        for one, gtin, brand, mpn, price in stated
    ]
    was = [
        {"product_id": "b:1", "changed_at": datetime(2026, 1, day, tzinfo=UTC), "field": field, "name": "", **values}
        for day, field, values in (
            (2, "price", {"before": None, "after": "22"}),
            (3, "price", {"before": "22", "after": "18"}),
            (3, "brand", {"before": "r", "after": "reed ltd"}),
        )
    ]
    commit(store, {"products": table("products", listed), "history": table("history", was)})
    query = """SELECT gtin14, products, sources, caption, contradicted, list_transform(offers, lambda o:
        (o.product_id, o.price::INTEGER, list_transform(o.earlier, lambda e: e.price))::VARCHAR) AS offers
        FROM same_products ORDER BY gtin14"""
    found = store.snapshot().sql(query).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (mug, 2, 2, "words of a:1", False, ["('a:1', 20, [])", "('b:1', 18, [22])"]),
        (lamp, 2, 2, "words of b:2", True, ["('b:2', NULL, [])", "('c:1', 30, [])"]),
    ]
