"""Errors of an object store are reported in one line, and nothing is half-written."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from core.errors import M5DataError, ObjectStoreError, UsageError, WorkspaceError
from storage.location import ObjectStore
from storage.remote_workspace import RemoteWorkspace
from storage.working_copy import WORKING_COPIES, working_copy
from tests.s3_server import make_bucket, serving_s3
from workspace import Workspace

CLOSED = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with serving_s3() as environment:
        yield environment


@pytest.fixture(autouse=True)
def environment(server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**server, WORKING_COPIES: str(tmp_path / "copies"), "HOME": str(tmp_path)}
    for name, value in {**values, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)


def refused(address: str) -> M5DataError:
    """Return the error that both creating and opening a workspace there raise."""
    with pytest.raises(M5DataError) as made:
        Workspace.create(working_copy(address))
    with pytest.raises(M5DataError) as opened:
        Workspace.open(working_copy(address))
    assert (type(made.value), str(made.value)) == (type(opened.value), str(opened.value))
    assert not (working_copy(address) / "m5data.toml").exists()
    assert "\n" not in str(made.value)
    return made.value


def test_no_such_bucket() -> None:
    error = refused("s3://nobody/shop")
    assert isinstance(error, WorkspaceError)
    assert str(error) == "s3://nobody/shop: there is no such bucket. Create it, or correct the URL."


def test_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = refused("s3://bucket/shop")
    assert isinstance(error, WorkspaceError)
    assert "no access keys were found. Set AWS_ACCESS_KEY_ID" in str(error)


def test_keys_of_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    keys = tmp_path / "keys"
    keys.write_text("[default]\naws_access_key_id = synthetic\naws_secret_access_key = synthetic\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    assert "there is no such bucket" in str(refused("s3://nobody/shop"))


def test_a_store_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", CLOSED)
    with pytest.raises(ObjectStoreError, match="the store does not answer as it should: ") as error:
        Workspace.open(working_copy("s3://bucket/shop"))
    assert error.value.exit_code == 1


def test_files_of_any_name_come_back(server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_bucket(server, "bucket")
    made = Workspace.create(working_copy("s3://bucket/shop"))
    names = ["a b%2Fc+d.csv", "评语/é?&#=~1.txt", "x~y", "empty"]
    for name in names:
        (made.root / name).parent.mkdir(exist_ok=True)
        (made.root / name).write_text("" if name == "empty" else name)
    with made.store.lock():
        pass
    with made.store.lock():  # entering again finds nothing changed
        pass
    assert set(names) <= ObjectStore("s3://bucket/shop").list().keys()
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "others"))
    other = Workspace.open(working_copy("s3://bucket/shop"))
    assert [(other.root / name).read_text() for name in names] == [*names[:-1], ""]


@pytest.mark.parametrize("name", ["..", "a/../../b", "/two"])
def test_object_that_no_file_can_be_is_named(server: dict[str, str], name: str) -> None:
    place = f"names-{len(name)}"
    make_bucket(server, place)
    made = Workspace.create(working_copy(f"s3://{place}/shop"))
    url = f"{server['AWS_ENDPOINT_URL_S3']}/{place}/shop/versions/{quote(name)}"
    urlopen(Request(url, data=b"x", method="PUT")).close()
    with pytest.raises(WorkspaceError, match=r"an object has a name that no file can have: .*shop/versions/") as error:
        Workspace.open(working_copy(f"s3://{place}/shop"))
    assert "remove it with the store's own tools" in str(error.value)
    assert made.root.is_dir()


@pytest.mark.parametrize("name", ["n" * 300, "state.sqlite-journal", "lock", "prefect/prefect.db", "training/a/b.pt"])
def test_object_that_is_no_file_of_a_workspace_is_named_and_left(
    server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    place = f"odd-{name[:3]}"
    make_bucket(server, place)
    Workspace.create(working_copy(f"s3://{place}/shop"))
    ObjectStore(f"s3://{place}/shop").write(name, b"hostile")
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "others"))
    other = Workspace.open(working_copy(f"s3://{place}/shop"))
    with other.store.lock():
        pass
    assert f"{name!r} cannot be a file of a workspace; left alone" in caplog.text
    assert b"hostile" not in [path.read_bytes() for path in other.root.rglob("*") if path.is_file()]


def test_version_that_is_none_does_not_hide_the_newest(server: dict[str, str]) -> None:
    make_bucket(server, "numbers")
    made = Workspace.create(working_copy("s3://numbers/shop"))
    ObjectStore("s3://numbers/shop").write("versions/0000000x.json", b"hostile")
    home = RemoteWorkspace.of(made.root)
    assert home is not None
    home.refresh()
    assert home.describe().startswith("version 0; ")


def test_an_address_that_no_store_knows() -> None:
    for made in (Workspace.create, Workspace.open):
        with pytest.raises(UsageError, match="nowhere://bucket/shop: no object store has such URLs"):
            made(working_copy("nowhere://bucket/shop"))
