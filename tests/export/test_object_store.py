"""An export to S3, against a moto server on loopback."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import DataError, UsageError
from export.export_stage import run
from export.folders import open_folder
from export.registry import exports_of
from export.rights import Rights
from export.settings import ExportSettings
from storage import Store
from storage.location import ObjectStore
from storage.tasks import in_process
from tests.export.conftest import make_store
from tests.export.test_export_stage import RIGHTS, contents, export
from tests.s3_server import make_bucket, serving_s3
from tests.storage.failing_store import FailingStore
from tests.storage.machines import ADDRESS, OnMachine, far, on_machine, open_at  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """Serve S3 for this module."""
    with pytest.MonkeyPatch.context() as patch, serving_s3() as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield environment


@pytest.fixture
def bucket(server: dict[str, str]) -> str:
    name = f"shards-{uuid.uuid4().hex}"
    make_bucket(server, name)
    return f"s3://{name}/made"


def _stored(bucket: str) -> dict[str, bytes]:
    with open_folder(f"{bucket}/demo") as folder:
        return {name: folder.read(name) or b"" for name in folder.files()}


def test_an_export_to_s3_is_that_to_a_folder(store: Store, bucket: str) -> None:
    settings = ExportSettings(max_shard_bytes=1024, out=bucket)
    run(store, settings, recipe="demo", rights=RIGHTS)
    remote = _stored(bucket)
    assert remote == contents(export(store))
    run(store, settings, recipe="demo", rights=RIGHTS)
    assert run(store, settings, recipe="demo", rights=RIGHTS).unchanged
    before = _stored(bucket)
    run(
        store, settings.model_copy(update={"splits": ("train",), "formats": ("parquet",)}), recipe="demo", rights=RIGHTS
    )
    after = _stored(bucket)
    own = ("README.md", "croissant.json", "manifest.json", "train/00000.parquet", "train/00001.parquet")
    assert {name for name in after if name.startswith("parquet/")} == {f"parquet/{name}" for name in own}
    assert {name: after.get(name) for name in before if name.startswith("webdataset/")} == {
        name: data for name, data in before.items() if name.startswith("webdataset/")
    }
    ObjectStore(bucket).write("demo/parquet/notes.txt", b"mine")
    with pytest.raises(UsageError, match=rf"{bucket}/demo/parquet/notes.txt: not written by an export"):
        run(store, settings, recipe="demo", rights=RIGHTS)
    assert _stored(bucket) == {**after, "parquet/notes.txt": b"mine"}


def test_an_export_to_s3_is_remembered_by_its_address(store: Store, bucket: str) -> None:
    run(store, ExportSettings(out=bucket), recipe="demo", rights=RIGHTS)
    assert [(made.place, made.recipe, made.is_there) for made in exports_of(store)] == [
        (f"{bucket}/demo/{form}", "demo", False) for form in ("parquet", "webdataset")
    ]


def test_an_address_that_no_store_knows_is_a_wrong_request(store: Store) -> None:
    with pytest.raises(UsageError, match="nowhere://x/demo/parquet: no object store has such URLs"):
        run(store, ExportSettings(out="nowhere://x"), recipe="demo", rights=RIGHTS)


def test_what_may_not_be_shared_reaches_no_store(store: Store, bucket: str) -> None:
    with pytest.raises(UsageError, match="share_authorised"):
        run(store, ExportSettings(out=bucket), recipe="demo", rights={"shop": Rights(share=False, licence="")})
    assert _stored(bucket) == {}


def test_tasks_of_a_workspace_in_a_store_write_its_shards_there(
    far: type[FailingStore],  # noqa: F811
    on_machine: OnMachine,  # noqa: F811
    tmp_path: Path,
) -> None:
    made = make_store(on_machine("a"))
    run(made, ExportSettings(max_shard_bytes=1024), recipe="demo", rights=RIGHTS, runner=in_process)
    assert not (made.root / "shards").exists()
    made.objects.close()
    other = open_at(on_machine("b"))
    assert [one.is_there for one in exports_of(other)] == [True, True]
    ours, reference = contents(other.root / "shards/demo"), contents(export(make_store(tmp_path / "folder")))
    assert ours.keys() == reference.keys()
    shards = [name for name in ours if name.endswith((".tar", ".parquet"))]
    assert [name for name in shards if ours[name] != reference[name]] == []
    assert not any("spool/" in name for name in far.objects())


def test_a_shard_that_another_export_wrote_meanwhile_is_not_replaced(far: type[FailingStore], tmp_path: Path) -> None:  # noqa: F811
    with open_folder(ADDRESS) as folder:
        for data in (b"one", b"two", b"two"):
            draft = folder.draft("train/00000.tar")
            draft.write_bytes(data)
            if data == b"one":
                folder.publish(draft, "train/00000.tar", None)
                tag = folder.files()["train/00000.tar"].etag
            else:
                folder.publish(draft, "train/00000.tar", tag)  # repeated, like a task whose response was lost
        folder.write("train/00000.tar", b"theirs")
        draft.write_bytes(b"three")
        with pytest.raises(DataError, match="another export has written this file meanwhile"):
            folder.publish(draft, "train/00000.tar", tag)
        assert folder.read("train/00000.tar") == b"theirs"
