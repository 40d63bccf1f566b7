import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from core.errors import DataError, MissingInputError, MissingSegmentError
from core.stage import StageReport
from extract.engine import LocalEngine
from extract.extract_stage import run
from extract.partitions import MediaPartition, run_partition
from extract.settings import ExtractSettings, FeatureSettings, LimitSettings, VideoSettings
from flows.engines import on_ray
from storage import Store
from storage.tables import TABLES
from storage.tasks import Runner, TaskFunction, in_process
from tests.extract.synthetic_media import Clip, make_clip, tone

SETTINGS = ExtractSettings(workers=1)
X264 = {"x264-params": "keyint=24:bframes=2"}
WITH_AUDIO = make_clip(Clip(frames=40, options=X264, audio=tone(1.5)))
WITHOUT_AUDIO = make_clip(Clip(frames=30, options=X264, seed=8))
PLAYLIST = b"ffconcat version 1.0\nfile /etc/passwd\n"


def png(level: int) -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.full((40, 60, 3), level, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


WHITE, GREY = png(255), png(100)

Item = tuple[str, str, int, bytes]
"""Product, kind, position, bytes."""

SHOP: Sequence[Item] = (
    ("a:1", "video", 0, WITH_AUDIO),
    ("b:9", "video", 0, WITH_AUDIO),
    ("b:9", "video", 1, WITH_AUDIO),
    ("a:2", "video", 0, WITHOUT_AUDIO),
    ("a:3", "video", 0, PLAYLIST),
    ("a:1", "image", 0, WHITE),
    ("a:2", "image", 0, WHITE),
    ("a:2", "image", 1, GREY),
    ("a:3", "image", 0, b"<html>not found</html>"),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "shop", buckets=2)


def download(store: Store, media: Sequence[Item], extra: str = "") -> dict[bytes, str]:
    """Write the table ``media`` as the stage ``download`` would; return the hash of each object."""
    rows: list[dict[str, object]] = []
    hashes: dict[bytes, str] = {}
    with store.stage("download", settings="test", extra=extra) as stage:
        with store.objects.writer("media") as writer:
            for product, kind, position, data in media:
                hashes[data] = writer.put(data, mime="video/mp4", url="http://127.0.0.1/x")
                known = {"product_id": product, "kind": kind, "position": position, "url": "http://127.0.0.1/x"}
                rows.append({**known, "state": "ok", "attempts": 1, "sha256": hashes[data], "bytes": len(data)})
        rows.append({**known, "position": 9, "state": "failed", "reason": "http_404", "attempts": 3})
        stage.write("media", pa.Table.from_pylist(rows, schema=TABLES["media"].schema))
        stage.commit(StageReport("download", len(rows), len(rows)))
    return hashes


def contents(store: Store) -> dict[str, list[Mapping[str, object]]]:
    snapshot = store.snapshot()
    tables = {name: snapshot.table(name).to_pylist() for name in ("frames", "audio", "images")}
    rejects = snapshot.sql("SELECT * FROM rejects WHERE stage = 'extract' ORDER BY ALL").to_pylist()
    return {**tables, "rejects": rejects}


def note_reads(store: Store, monkeypatch: pytest.MonkeyPatch, at_most: int = 99) -> list[str]:
    """Return a list to which every object read from now on is added; reading more than ``at_most`` is interrupted."""
    read: list[str] = []
    reading = store.objects.read

    def note(sha256: str) -> bytes:
        if len(read) == at_most:
            raise KeyboardInterrupt
        read.append(sha256)
        return reading(sha256)

    monkeypatch.setattr(store.objects, "read", note)
    return read


def counted(report: StageReport) -> StageReport:
    return replace(report, seconds=0.0)


@dataclass
class Counter:
    """A progress sink that records its calls."""

    calls: list[str] = field(default_factory=list)

    def start(self, stage: str, total: int | None) -> None:
        self.calls.append(f"{stage} {total}")

    def advance(self, items: int = 1) -> None:
        self.calls.append(f"+{items}")

    def finish(self) -> None:
        self.calls.append("end")


def test_everything_is_extracted_once_and_each_missing_result_has_a_reason(store: Store) -> None:
    sha = download(store, SHOP)
    progress = Counter()
    report = run(store, SETTINGS, progress=progress)
    assert counted(report) == StageReport(
        "extract", read=9, kept=5, dropped={"no_sound": 1, "not_allowed_container": 2, "not_an_image": 1}
    )
    assert progress.calls == ["extract 6", *["+1"] * 6, "end"]
    tables = contents(store)
    assert [(row["product_id"], row["video_sha256"], row["second"]) for row in tables["frames"]] == [
        ("a:1", sha[WITH_AUDIO], 0),
        ("a:1", sha[WITH_AUDIO], 1),
        ("a:2", sha[WITHOUT_AUDIO], 0),
        ("a:2", sha[WITHOUT_AUDIO], 1),
        ("b:9", sha[WITH_AUDIO], 0),
        ("b:9", sha[WITH_AUDIO], 1),
    ]
    assert [(row["product_id"], row["sample_rate"], row["n_mfcc"]) for row in tables["audio"]] == [
        ("a:1", 44_100, 20),
        ("b:9", 44_100, 20),
    ]
    assert [(row["product_id"], row["position"], row["sha256"], row["width"]) for row in tables["images"]] == [
        ("a:1", 0, sha[WHITE], 60),
        ("a:2", 0, sha[WHITE], 60),
        ("a:2", 1, sha[GREY], 60),
    ]
    assert [(row["item"], row["reason"], str(row["detail"]).split(":")[0]) for row in tables["rejects"]] == sorted(
        [
            (sha[WITHOUT_AUDIO], "no_sound", "sound"),
            (sha[PLAYLIST], "not_allowed_container", "frames"),
            (sha[PLAYLIST], "not_allowed_container", "sound"),
            (sha[b"<html>not found</html>"], "not_an_image", "image"),
        ]
    )


def test_rows_point_at_jpegs_an_mp3_and_an_array(store: Store) -> None:
    download(store, SHOP)
    run(store, SETTINGS)
    tables = contents(store)
    for row in tables["frames"]:
        jpeg = store.objects.read_slice(str(row["object"]), int(str(row["offset"])), int(str(row["length"])))
        with Image.open(BytesIO(jpeg)) as image:
            assert (image.format, image.size) == ("JPEG", (row["width"], row["height"]))
    audio = tables["audio"][0]
    array = np.frombuffer(store.objects.read(str(audio["mfcc"])), "<f4")
    assert array.size == int(str(audio["n_mfcc"])) * int(str(audio["mfcc_frames"]))
    assert json.loads(str(audio["mfcc_settings"]))["kind"] == "mfcc"
    assert store.objects.read(str(audio["mp3"]))[:1] == b"\xff"


Outcome = tuple[StageReport, dict[str, list[Mapping[str, object]]], set[str]]
"""Report, tables and objects."""


def extracted(folder: Path, settings: ExtractSettings, runner: Runner | None = None) -> Outcome:
    store = Store.create(folder)
    download(store, SHOP)
    report = run(store, settings, runner=runner)
    objects = {str(row["sha256"]) for row in store.snapshot().table("objects", ["sha256"]).to_pylist()}
    return counted(report), contents(store), objects


@pytest.fixture(scope="module")
def by_one_process(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return extracted(tmp_path_factory.mktemp("one") / "shop", SETTINGS)


def test_the_result_does_not_depend_on_processes_or_partitions(tmp_path: Path, by_one_process: Outcome) -> None:
    assert extracted(tmp_path / "shop", ExtractSettings(workers=2, partition_items=1)) == by_one_process


def test_partitions_run_in_process_give_the_same(tmp_path: Path, by_one_process: Outcome) -> None:
    assert extracted(tmp_path / "shop", ExtractSettings(partition_items=2), in_process) == by_one_process


def test_partitions_run_on_ray_give_the_same(tmp_path: Path, by_one_process: Outcome) -> None:
    pytest.importorskip("ray", reason="Ray is an extra")
    assert extracted(tmp_path / "shop", ExtractSettings(partition_items=2), on_ray) == by_one_process


def test_a_partition_that_was_not_handed_out_is_an_error(store: Store) -> None:
    with pytest.raises(DataError, match="no such order"):
        run_partition(MediaPartition, str(store.root), "spool/extract/0/abc.arrow")


def test_partitions_done_elsewhere_before_a_failure_are_not_done_again(store: Store) -> None:
    download(store, SHOP)
    settings = ExtractSettings(workers=1, partition_items=1)
    done: list[str] = []

    def two_alone(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
        for name in filter(None, names):
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(name)
            yield name, function(location, name)

    with pytest.raises(KeyboardInterrupt):
        run(store, settings, runner=two_alone)
    first = list(done)
    done.clear()

    def noted(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
        for name, decode_paths in in_process(function, location, names):
            done.append(name)
            yield name, decode_paths

    report = run(store, settings, runner=noted)
    assert (len(first), len(done), set(first) & set(done)) == (2, 4, set())
    assert (report.read, report.kept) == (9, 5)


def test_a_second_run_does_nothing_and_says_so(store: Store) -> None:
    download(store, SHOP)
    first = run(store, SETTINGS)
    number = store.snapshot().number
    assert run(store, ExtractSettings(workers=2)) == replace(first, unchanged=True)
    assert store.snapshot().number == number


def test_only_new_objects_are_decoded_and_lost_ones_disappear(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    download(store, SHOP)
    run(store, SETTINGS)
    before = contents(store)
    sha = download(store, [*SHOP[1:], ("c:1", "image", 0, png(7))], extra="changed")
    read = note_reads(store, monkeypatch)
    report = run(store, SETTINGS)
    assert read == [sha[png(7)]]
    assert (report.read, report.kept) == (10, 6)
    after = contents(store)
    assert after["frames"] == [row for row in before["frames"] if row["product_id"] != "a:1"]
    assert after["rejects"] == before["rejects"]
    assert [row["product_id"] for row in after["images"]] == ["a:1", "a:2", "a:2", "c:1"]


def test_changed_settings_redo_everything(store: Store) -> None:
    download(store, SHOP)
    run(store, SETTINGS)
    run(store, ExtractSettings(workers=1, video=VideoSettings(longest_side=48)))
    assert {(row["width"], row["height"]) for row in contents(store)["frames"]} == {(48, 32)}


def test_frames_that_are_not_exact_are_counted_and_said_to_be_so(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    download(store, SHOP)
    run(store, ExtractSettings(workers=1, video=VideoSettings(rule="keyframe")))
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "extract: frames of 2 videos are not exact: the nearest key frame of each second (extract.video.rule)"
    ]
    assert [row["pts_s"] for row in contents(store)["frames"] if row["product_id"] == "a:1"] == [0.0, 1.0]


def test_partitions_done_before_a_failure_are_not_done_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    download(store, SHOP)
    settings = ExtractSettings(workers=1, partition_items=1)
    read = note_reads(store, monkeypatch, at_most=4)
    with pytest.raises(KeyboardInterrupt):
        run(store, settings)
    monkeypatch.undo()
    again = note_reads(store, monkeypatch)
    report = run(store, settings)
    assert (report.read, report.kept) == (9, 5)
    assert len(read) + len(again) <= 6 + 2  # plus one in progress and one read ahead


def test_a_file_above_the_limit_never_reaches_a_decoder(store: Store) -> None:
    sha = download(store, [("a:1", "video", 0, bytes(2 << 20))])
    settings = ExtractSettings(limits=LimitSettings(input_mb=1))
    assert counted(run(store, settings)) == StageReport("extract", 2, 0, {"too_large": 2})
    assert {row["item"] for row in contents(store)["rejects"]} == {sha[bytes(2 << 20)]}


def test_damage_in_the_store_costs_the_object_alone(store: Store) -> None:
    sha = download(store, SHOP)
    (segment,) = (store.root / "objects").glob("*.warc")
    body = segment.read_bytes()
    segment.write_bytes(body.replace(WHITE, WHITE[:-1] + b"!"))
    report = run(store, SETTINGS)
    assert report.dropped["corrupt_object"] == 1
    assert [row["item"] for row in contents(store)["rejects"] if row["reason"] == "corrupt_object"] == [sha[WHITE]]
    assert run(store, SETTINGS).unchanged
    segment.write_bytes(body)
    assert "corrupt_object" not in run(store, SETTINGS).dropped
    assert run(store, SETTINGS).unchanged


def test_a_segment_that_is_away_stops_the_stage_and_nothing_is_rejected(store: Store) -> None:
    download(store, SHOP)
    (segment,) = (store.root / "objects").glob("*.warc")
    away = segment.rename(store.root / "away")
    before = contents(store)
    with pytest.raises(MissingSegmentError, match=rf"{segment}: missing\. Mount its disk"):
        run(store, SETTINGS)
    assert contents(store) == before
    away.rename(segment)
    assert not {"corrupt_object", "crashed"} & run(store, SETTINGS).dropped.keys()


def test_without_media_there_is_nothing_to_extract_from(store: Store) -> None:
    with pytest.raises(MissingInputError, match="there is no table media yet"):
        run(store, SETTINGS)


def test_nothing_to_do_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.processes.pool.PoolProcess", None)
    assert list(LocalEngine(SETTINGS, bytes.fromhex).run([], 0)) == []


@pytest.mark.usefixtures("librosa_compiled")
def test_librosa_runs_within_the_limits_of_a_decoder(store: Store) -> None:
    download(store, [("a:1", "video", 0, WITH_AUDIO)])
    run(store, ExtractSettings(workers=1, feature=FeatureSettings(backend="librosa")))
    assert [json.loads(str(row["mfcc_settings"]))["backend"] for row in contents(store)["audio"]] == ["librosa"]
