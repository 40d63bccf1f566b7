"""An export to S3, against moto's server on the loopback."""

import uuid
from collections.abc import Iterator

import pytest

from export.export_stage import run
from export.folders import open_folder
from export.registry import exports_of
from export.rights import Rights
from export.settings import ExportSettings
from m5data.errors import UsageError
from storage import Store
from storage.place import ObjectStore
from tests.export.test_export_stage import RIGHTS, contents, export
from tests.s3_server import make_bucket, serving_s3


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
