"""Every reference from one table to another resolves, or the check names what is missing."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.engine import open_engine
from core.records import Reject
from core.stage import StageReport
from storage import Store
from storage.consistency import check_consistency, check_tables
from storage.tables import TABLES
from tests.storage.synthetic import NOTHING, data_files, medium, product, spec

Row = dict[str, Any]
Rows = dict[str, list[Row]]


def _object(sha256: str, kind: str) -> Row:
    row: Row = {"sha256": sha256, "kind": kind, "mime": "image/jpeg", "segment": "a.warc", "offset": 0, "length": 200}
    return row | {"payload_offset": 100, "payload_length": 100}


def _sound() -> Rows:
    """Return one or two consistent rows of every table."""
    return _facts() | _decisions()


def _facts() -> Rows:
    """Return one or two rows of every table of collected data, and of its objects."""
    image, video = medium("a:1", "image", 0), medium("a:1", "video", 0)
    of_video = {"product_id": "a:1", "video_sha256": video["sha256"]}
    return {
        "products": [product("a:1"), product("b:1")],
        "specs": [spec("a:1")],
        "media": [image, video, medium("b:1", "image", 0, "failed", "http_404")],
        "frames": [
            of_video
            | {
                "second": 0,
                "pts_s": 0.0,
                "width": 8,
                "height": 8,
                "phash": 1,
                "object": "f",
                "offset": 0,
                "length": 100,
            }
        ],
        "audio": [
            of_video
            | {"mp3": "m", "sample_rate": 16000, "duration_s": 1.0, "mfcc": "c", "n_mfcc": 20, "mfcc_frames": 4}
            | {"mfcc_settings": "{}", "start_s": 0.0, "gap_starts_s": [], "gap_lengths_s": []}
        ],
        "images": [
            {"product_id": "a:1", "position": 0, "sha256": image["sha256"], "width": 8, "height": 8, "phash": 1}
            | {"size_group": "small", "sharpness": 1.0, "blank_share": 0.0}
            | {"border_share": 0.0, "margin_detail": 0.0, "pixels": "x"}
        ],
        "image_text": [
            {
                "product_id": "a:1",
                "position": 0,
                "line": 0,
                "sha256": image["sha256"],
                "text": "silk",
                "confidence": 0.9,
            }
            | {f"{axis}{corner}": 1 for axis in "xy" for corner in range(4)}
            | {"contact": None, "repeated": False}
        ],
        "objects": [_object(str(image["sha256"]), "media"), _object(str(video["sha256"]), "media")]
        + [_object(name, "derived") for name in ("f", "m", "c")],
    }


def _decisions() -> Rows:
    """Return one or two rows of every table of decisions on the products of ``_facts``."""
    label: Row = {"class_id": 1, "class_name": "home", "sub_class_id": 2, "sub_class_name": "cups"}
    label |= {"subsub_class_id": -1, "subsub_class_name": ""}
    judgement: Row = {"query": "a:1", "candidate": "b:1", "worker": "w", "answer": "matched", "gold": False}
    match: Row = {"query": "a:1", "candidate": "b:1", "posterior": 1.0, "decision": "matched", "votes": 1}
    place: Row = {"recipe": "r", "split": "train", "product_id": "b:1", "role": "sample", "label": "2"}
    place |= {"label_level": "sub_class", "group_id": "b:1", "image_position": -1}
    return {
        "duplicates": [
            {"product_id": name, "group_id": name, "rule": "alone", "kept": True, "size": 1} for name in ("a:1", "b:1")
        ],
        "duplicate_pairs": [
            {"product_id": "a:1", "other_id": "b:1", "rule": "near_text", "distance": 0.3, "joined": False}
        ],
        "fingerprints": [{"product_id": "a:1", "exact_keys": [1], "text_keys": None}],
        "labels": [label | {"product_id": name} for name in ("a:1", "b:1")],
        "judgements": [judgement | {"answered_at": product("a:1")["first_seen"]}],
        "matches": [match],
        "reserve": [{"group_id": name, "held_out": False, "since": 1} for name in ("a:1", "b:1")],
        "splits": [place],
        "recipes": [
            {"recipe": "r", "definition": "{}", "seed": 0, "digest": "{}", "code": "0", "version": 1, "tables": "{}"}
        ],
    }


_DUPLICATES = StageReport("dedup", 2, 2)


def _store(store: Store, rows: Mapping[str, list[Row]], dedup: StageReport = _DUPLICATES, rejects: int = 0) -> Store:
    with store.stage("records", settings="") as stage:
        for name, listed in rows.items():
            stage.write(name, pa.Table.from_pylist(listed, schema=TABLES[name].schema))
        stage.commit(StageReport("records", 0, 0))
    with store.stage("dedup", settings="", reads=["products"]) as stage:
        stage.reject(Reject(f"x:{number}", "exact_duplicate") for number in range(rejects))
        stage.commit(dedup)
    return store


def _failed(store: Store) -> dict[str, str]:
    return {check.name: check.detail for check in check_consistency(store.snapshot()) if not check.ok}


def test_a_new_workspace_is_consistent(store: Store) -> None:
    assert _failed(store) == {}


def test_tables_that_agree_pass_every_check(store: Store) -> None:
    checks = list(check_consistency(_store(store, _sound()).snapshot()))
    assert [check for check in checks if not check.ok] == []
    names = [check.name for check in checks]
    assert len(names) == len(set(names))
    unwritten = "spec_norms, spec_proposals, texts, variants"
    assert checks[0].detail == f"every stage saw its newest inputs; not written yet, so not checked: {unwritten}"


def test_files_that_were_never_fetched_are_not_lost(store: Store) -> None:
    pending = medium("a:1", "image", 0, "pending") | {"sha256": None}
    rows: Rows = {"products": [product("a:1")], "media": [pending], "objects": []}
    assert _failed(_store(store, rows, StageReport("dedup", 0, 0))) == {}


def _edit(table: str, **values: object) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[table][0].update(values)

    return change


def _empty(table: str) -> Callable[[Rows], None]:
    return lambda rows: rows[table].clear()


def _other_name(rows: Rows) -> None:
    rows["labels"][1]["sub_class_name"] = "mugs"


@pytest.mark.parametrize(
    ("change", "name", "named"),
    [
        (_edit("specs", product_id="c:9"), "known:specs", "c:9"),
        (_edit("media", product_id="c:9"), "known:media", "c:9"),
        (_edit("media", state="done"), "states:media", "a:1, image 0, done"),
        (_edit("media", state="pending"), "states:media", "a:1, image 0, pending"),
        (_edit("media", reason="http_404", state="failed"), "states:media", "a:1, image 0, failed"),
        (_edit("media", sha256="lost"), "stored:media.sha256", "lost"),
        (_edit("frames", product_id="c:9"), "known:frames", "c:9"),
        (_edit("frames", video_sha256="lost"), "media:frames", "a:1, lost"),
        (_edit("frames", offset=1), "stored:frames", "a:1, second 0"),
        (_edit("frames", object="lost"), "stored:frames", "a:1, second 0"),
        (_edit("audio", product_id="c:9"), "known:audio", "c:9"),
        (_edit("audio", video_sha256="lost"), "media:audio", "a:1, lost"),
        (_edit("audio", mp3="lost"), "stored:audio.mp3", "lost"),
        (_edit("audio", mfcc="lost"), "stored:audio.mfcc", "lost"),
        (_edit("images", product_id="c:9"), "known:images", "c:9"),
        (_edit("images", sha256="lost"), "media:images", "a:1, lost"),
        (_edit("image_text", product_id="c:9"), "known:image_text", "c:9"),
        (_edit("image_text", sha256="lost"), "media:image_text", "a:1, lost"),
        (_edit("duplicates", product_id="c:9", group_id="c:9"), "known:duplicates", "c:9"),
        (_edit("duplicates", product_id="c:9", group_id="c:9"), "complete:duplicates", "a:1"),
        (_edit("duplicates", group_id="b:1"), "groups:duplicates", "b:1"),
        (_edit("duplicates", size=2), "groups:duplicates", "a:1"),
        (_edit("duplicates", kept=False), "groups:duplicates", "a:1"),
        (_edit("duplicate_pairs", product_id="c:9"), "known:duplicate_pairs", "c:9"),
        (_edit("duplicate_pairs", other_id="c:9"), "known:duplicate_pairs.other_id", "c:9"),
        (_edit("duplicate_pairs", joined=True), "joined:duplicate_pairs", "a:1 and b:1"),
        (_edit("labels", product_id="c:9"), "known:labels", "c:9"),
        (_other_name, "names:labels.sub_class", "2: cups, mugs"),
        (_edit("judgements", query="c:9"), "known:judgements.query", "c:9"),
        (_edit("judgements", candidate="c:9"), "known:judgements.candidate", "c:9"),
        (_empty("judgements"), "judged:matches", "a:1 and b:1"),
        (_edit("splits", product_id="c:9"), "known:splits", "c:9"),
        (_edit("reserve", group_id="c:9"), "complete:reserve", "a:1"),
        (_empty("recipes"), "recorded:splits", "r"),
        (lambda rows: rows["labels"].append(rows["labels"][0]), "keys:labels", "a:1"),
    ],
)
def test_what_does_not_agree_is_named(change: Callable[[Rows], None], name: str, named: str) -> None:
    rows = _sound()
    change(rows)
    with open_engine() as engine:
        for table, spec_of in TABLES.items():
            engine.register(table, pa.Table.from_pylist(rows.get(table, []), schema=spec_of.schema))
        failed = {check.name: check.detail for check in check_tables(engine) if not check.ok}
    assert failed[name].endswith(f"1 wrong: {named}")


def test_tables_of_a_stage_that_is_behind_are_left_out(store: Store) -> None:
    _store(store, _sound())
    with store.stage("records", settings="") as stage:
        rows = [*_sound()["products"], product("c:1")]
        stage.write("products", pa.Table.from_pylist(rows, schema=TABLES["products"].schema))
        stage.commit(StageReport("records", 0, 0))
    checks = {check.name: check for check in check_consistency(store.snapshot())}
    late = "not run since their inputs changed, so left out: dedup"
    assert (
        checks["stages"].detail
        == f"{late}; not written yet, so not checked: spec_norms, spec_proposals, texts, variants"
    )
    assert not {"known:duplicates", "complete:duplicates", "kept:dedup"} & set(checks)
    assert all(check.ok for check in checks.values())


def test_counts_are_those_that_the_stage_reported(store: Store) -> None:
    report = StageReport("dedup", 4, 3, {"exact_duplicate": 1})
    assert _failed(_store(store, _sound(), report, rejects=2)) == {
        "rejects:dedup": "reported {'exact_duplicate': 1}, found {'exact_duplicate': 2}",
        "kept:dedup": "3 rows kept as reported, 2 in the table",
    }


def test_rejects_of_a_stage_that_never_ran_are_found(store: Store) -> None:
    rejects = [{"stage": "ghost", "item": "x", "reason": "y", "detail": ""}]
    store = _store(store, _sound() | {"rejects": rejects})
    assert _failed(store) == {"rejects": "rejects of stages that never ran: ghost"}


@pytest.mark.parametrize("into", ["a", "b"])
def test_a_key_that_stands_twice_is_named_whichever_files_hold_it(
    store: Store, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.tables.partition_writer._SMALL", 0)
    for source in "ab":
        with store.stage(f"ingest-{source}", settings="") as stage:
            rows = pa.Table.from_pylist([product(f"{source}:1")], schema=TABLES["products"].schema)
            stage.write("products", rows, within=[f"{source}:"])
            stage.commit(NOTHING)
    assert not [check for check in check_consistency(store.snapshot()) if not check.ok]
    path = next(path for path in data_files(store, "products") if path.name.startswith(into))
    held = pq.ParquetFile(path).read()
    again = pa.Table.from_pylist([product("a:1")], schema=TABLES["products"].schema).cast(held.schema)
    pq.write_table(pa.concat_tables([again, held]), path)
    failed = {check.name: check.detail for check in check_consistency(store.snapshot()) if not check.ok}
    assert failed["keys:products"].endswith("1 wrong: a:1")
