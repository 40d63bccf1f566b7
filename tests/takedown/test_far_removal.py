"""Vacuum and take-down also remove from the object store that holds a workspace."""

from pathlib import Path

import pytest

import m5data
from storage.working_copy import WORKING_COPIES, working_copy
from takedown.forget import forget
from takedown.plan import Target
from tests.m5data.marker_search import places_with
from tests.m5data.test_vacuum import LATER
from tests.storage.failing_store import FailingStore, serve_failing_urls
from tests.takedown.planted import MERCHANT, PLANTED, WORDS, now, plant
from workspace import Workspace
from workspace.vacuuming import vacuum

URL = "failing://bucket/shop"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    serve_failing_urls(monkeypatch)
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "first"))
    workspace = plant(working_copy(URL))
    settings = workspace.root / "m5data.toml"
    settings.write_text(settings.read_text().replace("[store]", "[store]\nkeep_versions = 1\nkeep_days = 1"))
    with workspace.store.lock():
        pass
    workspace.store.objects.close()
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "second"))
    return workspace


def stored(folder: Path) -> Path:
    """Write the store's content to a folder, and return the folder."""
    for name, data in FailingStore.objects().items():
        path = folder / name.removeprefix("bucket/shop/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_take_down_on_another_machine_reaches_the_first(planted: Workspace, tmp_path: Path) -> None:
    tops = {place.split("/")[0] for place in places_with(stored(tmp_path / "before"), WORDS)}
    assert {"objects", "tables", "shards", "logs"} <= tops
    other = m5data.open(URL)
    forget(other.store, Target("merchant", MERCHANT), clock=now)
    assert places_with(stored(tmp_path / "after"), WORDS) == []
    assert list(other.store.verify_objects()) == []
    other.store.objects.close()
    first = Workspace.open(planted.root)
    assert PLANTED not in first.table("products")["product_id"].to_pylist()
    assert places_with(planted.root, WORDS, but=("prefect",)) == []
    assert list(first.store.verify_objects()) == []
    first.store.objects.close()


def test_vacuum_reaches_the_store(planted: Workspace, tmp_path: Path) -> None:
    other = m5data.open(URL)
    with other.store.objects.writer("media") as writer:
        sha = writer.put(b"an orphan" * 2000, mime="image/jpeg", url="http://shop.example/orphan.jpg")
    with other.store.lock():
        pass
    before = stored(tmp_path / "before")
    assert places_with(before / "objects", ["an orphan"]) != []
    findings = vacuum(other, clock=lambda: LATER)
    other.store.objects.close()
    after = stored(tmp_path / "after")
    assert places_with(after / "objects", ["an orphan"]) == []
    kept = {f"{number:08}.json" for number in findings.kept}
    gone = {path.name for path in (before / "versions").iterdir()} - {
        path.name for path in (after / "versions").iterdir()
    }
    assert gone
    assert not gone & kept
    first = Workspace.open(planted.root)
    assert sha not in first.store.objects
    assert list(first.store.verify_objects()) == []
    first.store.objects.close()
