"""What goes wrong with an object store is told in one line, and nothing is half-written."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.registry import known_implementations

from m5data.errors import CorruptObjectError, M5DataError, ObjectStoreError, WorkspaceError
from m5data.workspace import Workspace
from storage.remote import working_copy
from storage.remote.home import WORKING_COPIES
from tests.s3_server import serving_s3

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
    """Return what making and opening a workspace there both raise."""
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
    assert str(error) == "s3://nobody/shop: The specified bucket does not exist. Create it, or correct the URL."


def test_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = refused("s3://bucket/shop")
    assert isinstance(error, WorkspaceError)
    assert "Unable to locate credentials. Set AWS_ACCESS_KEY_ID" in str(error)


def test_a_store_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", CLOSED)
    with pytest.raises(ObjectStoreError, match="the store does not answer as it should: Could not connect") as error:
        Workspace.open(working_copy("s3://bucket/shop"))
    assert error.value.exit_code == 1


def test_the_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"class": "absent_package.Store", "err": "Install absent_package"}
    monkeypatch.setitem(known_implementations, "absent", absent)
    told = "absent://bucket/shop: fsspec cannot open this URL: Install absent_package. For s3, run: pip install"
    assert str(refused("absent://bucket/shop")).startswith(told)


def test_files_of_any_name_come_back_and_one_that_is_lost_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdir("bucket")
    made = Workspace.create(working_copy("s3://bucket/shop"))
    names = ["a b%2Fc+d.csv", "评语/é?&#=~1.txt", "x\\y"]
    for name in names:
        (made.root / name).parent.mkdir(exist_ok=True)
        (made.root / name).write_text(name)
    with made.store.lock():
        pass
    with made.store.lock():  # whoever enters removes what the list does not name
        pass
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "others"))
    other = Workspace.open(working_copy("s3://bucket/shop"))
    assert [(other.root / name).read_text() for name in names] == names
    lost = next(name for name in files.find("bucket/shop") if "versions" in name)
    files.rm_file(lost)
    missing = r"1 files of its list are missing or incomplete, files/versions/"
    with pytest.raises(CorruptObjectError, match=missing), other.store.lock():
        pass


def test_an_address_that_no_store_knows() -> None:
    assert "fsspec cannot open this URL" in str(refused("nowhere://bucket/shop"))
