"""Rebuilding of a published dataset: every changed file is named, and splits are those that were published."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DataError, NotAuthorisedError, UsageError
from core.stage import StageReport
from crawler import download_stage
from crawler.settings import DownloadSettings
from export import Rights, export_stage
from export.settings import ExportSettings, ShardFormat
from extract import extract_stage
from extract.settings import ExtractSettings
from flows.rehydration.drift import Verdict, compare_media
from flows.rehydration.published import open_published
from flows.rehydration.run import Rehydration, open_target, plan, rehydrate
from splits import splits_stage
from splits.settings import SplitSettings
from storage import Store
from storage.tables import TABLES
from tests.crawler.media.conftest import MediaServer, make_clip, serving
from tests.splits.synthetic import NOON, Thing, stored
from workspace import Workspace

COUNT, VIDEOS = 100, 4
THINGS = [
    Thing(f"shop:{n:03}", category=n % 5, group=f"shop:{n - n % 2:03}" if n % 10 < 2 else "") for n in range(COUNT)
]
PAIRS = [(f"shop:{n:03}", f"shop:{n + 50:03}", "matched") for n in range(2, 42, 5)]
RIGHTS = {"shop": Rights(share=True, licence="CC0-1.0", crawl=True)}
PAGE = b"<!DOCTYPE html><html><head><title>Sale</title></head><body>Welcome to our shop</body></html>"
WORDS: tuple[Verdict, ...] = ("same_picture",) * 5 + ("other_picture",) * 5 + ("gone",) * 5 + ("page",) * 2
"""What is done to the first images: 10 % changed, 5 % gone, 2 % replaced by a page."""


def picture(seed: int, form: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC).save(buffer, form)
    return buffer.getvalue()


def change(server: MediaServer, name: str, verdict: Verdict, seed: int) -> None:
    answers: dict[str, bytes | int] = {
        "same_picture": picture(seed, "JPEG"), "other_picture": picture(seed + 1_000), "gone": 404, "page": PAGE,
    }  # fmt: skip
    server.content[name] = answers[verdict]


@pytest.fixture(scope="module")
def server() -> Iterator[MediaServer]:
    with serving() as running:
        for n in range(COUNT):
            running.content[f"/{n}.png"] = picture(n)
        for n in range(VIDEOS):
            running.content[f"/{n}.mp4"] = make_clip("mp4", "mpeg4", seconds=n + 1)
        yield running


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, server: MediaServer) -> Path:
    """Publish the links of a dataset, in both forms, and return their folder."""
    folder = tmp_path_factory.mktemp("published")
    store = Store.create(folder / "ws", buckets=2, clock=lambda: NOON)
    blank = dict.fromkeys(TABLES["media"].schema.names) | {"position": 0, "state": "pending", "attempts": 0}
    images = [
        blank | {"product_id": t.id, "kind": "image", "url": server.url(f"/{n}.png")} for n, t in enumerate(THINGS)
    ]
    videos = [
        blank | {"product_id": THINGS[n].id, "kind": "video", "url": server.url(f"/{n}.mp4")} for n in range(VIDEOS)
    ]
    with store.stage("synthetic", settings="") as stage:
        for name, table in stored(THINGS, PAIRS).items():
            if name not in {"reserve", "media"}:
                stage.write(name, table)
        stage.write("media", TABLES["media"].schema.empty_table().from_pylist(images + videos, TABLES["media"].schema))
        stage.commit(StageReport("synthetic", COUNT, COUNT))
    download_stage.run(store, DownloadSettings(), local_hosts=[server.authority])
    extract_stage.run(store, ExtractSettings())
    splits_stage.run(store, SplitSettings(recipe="demo", seed=11, reserve_share=0.4))
    forms: tuple[ShardFormat, ...] = ("links", "links-jsonl")
    export_stage.run(store, ExportSettings(formats=forms, out=folder / "out"), recipe="demo", rights=RIGHTS)
    return folder / "out/demo"


def target(folder: Path, server: MediaServer) -> Path:
    """Make the settings of a workspace that may fetch from the server, and return its folder."""
    links = f'[sources.shop]\nstart = ["{server.url("/")}"]\ncrawl_authorised = true\nlocal = true\n'
    Workspace.create(folder, links + "[download]\nper_host = 8\nbackoff_s = 0.0\n")
    return folder


def rebuild(folder: Path, links: Path, server: MediaServer, *only: str) -> tuple[Workspace, Rehydration]:
    found = open_published(links, only)
    workspace = open_target(target(folder, server), found.record["licences"])
    return workspace, rehydrate(workspace, found)


@pytest.mark.parametrize("form", ["links", "links-jsonl"])
def test_unchanged_media_give_the_dataset_as_published(
    tmp_path: Path, published: Path, server: MediaServer, form: str
) -> None:
    workspace, done = rebuild(tmp_path / "new", published / form, server)
    assert done.drift.media == {"image": {"same_bytes": COUNT}, "video": {"same_bytes": VIDEOS}}
    assert done.drift.derived_differ == 0
    assert done.as_published, [check for check in done.checks if not check.ok]
    origin = Store.open(published.parent.parent / "ws")
    rebuilt = workspace.store.snapshot()
    for table in ("splits", "labels", "duplicates", "reserve", "frames", "audio", "images"):
        left = origin.snapshot().table(table)
        right = rebuilt.table(table)
        observed = [one.name for one in TABLES[table].columns if one.observed or one.name == "since"]
        assert left.drop_columns(observed).equals(right.drop_columns(observed)), table


def test_every_changed_file_is_named(tmp_path: Path, published: Path, server: MediaServer) -> None:
    truth = {f"shop:{n:03}": verdict for n, verdict in enumerate(WORDS, 10)}
    before = dict(server.content)
    try:
        for n, verdict in enumerate(WORDS, 10):
            change(server, f"/{n}.png", verdict, n)
        server.content |= {"/0.mp4": 404, "/1.mp4": PAGE, "/2.mp4": make_clip("mp4", "mpeg4", (160, 32), 3)}
        workspace, done = rebuild(tmp_path / "new", published / "links", server)
        found = open_published(published / "links")
        media = compare_media(replace(workspace, version=None).store.snapshot(), found, 6)
    finally:
        server.content = before
    confusion = Counter((truth.get(one.product_id, "same_bytes"), one.verdict) for one in media if one.kind == "image")
    assert confusion == {
        ("same_bytes", "same_bytes"): 83, ("same_picture", "same_picture"): 5,
        ("other_picture", "other_picture"): 5, ("gone", "gone"): 5, ("page", "page"): 2,
    }  # fmt: skip
    assert [one.verdict for one in media if one.kind == "video"][:2] == ["gone", "page"]
    assert all(done.drift.splits.values())
    assert not done.as_published
    named = [json.loads(line) for line in (workspace.root / "reports/drift.jsonl").read_text().splitlines()]
    assert len(named) == len(WORDS) + 3
    again = rehydrate(workspace, found)
    assert [report.unchanged for report in again.reports] == [True] * 4


def test_only_one_split_is_fetched(tmp_path: Path, published: Path, server: MediaServer) -> None:
    workspace, done = rebuild(tmp_path / "new", published / "links", server, "train")
    splits = workspace.store.snapshot().sql("SELECT DISTINCT split FROM splits").to_pylist()
    assert splits == [{"split": "train"}]
    assert done.drift.splits == {"train": True}


def test_a_new_workspace_waits_for_the_permission_of_each_source(tmp_path: Path, published: Path) -> None:
    found = open_published(published / "links")
    with pytest.raises(NotAuthorisedError, match=r"sources\.shop\.crawl_authorised must be true"):
        open_target(tmp_path / "new", found.record["licences"])
    assert Workspace.open(tmp_path / "new").settings.crawl.sources["shop"].licence == "CC0-1.0"


def test_a_plan_counts_each_file_once(published: Path, server: MediaServer) -> None:
    planned = plan(open_published(published / "links"))
    assert [(one.kind, one.host, one.files) for one in planned] == [
        ("image", server.authority, COUNT),
        ("video", server.authority, VIDEOS),
    ]


def test_links_that_were_changed_are_refused(tmp_path: Path, published: Path) -> None:
    folder = tmp_path / "copy"
    for path in (published / "links-jsonl").rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(published / "links-jsonl")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (folder / "train/00000.jsonl").write_bytes(b"{}\n")
    with pytest.raises(DataError, match=r"train/00000\.jsonl: its SHA-256 differs from manifest\.json"):
        open_published(folder)
    with pytest.raises(UsageError, match="no such split"):
        open_published(published / "links", ["nothing"])
    with pytest.raises(UsageError, match="no links to rebuild a dataset from"):
        open_published(tmp_path)
