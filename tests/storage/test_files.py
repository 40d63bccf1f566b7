"""Files are written whole or not at all, and leftovers of killed writers are removed."""

import signal
import stat
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from core.files import replace_file, replacing, sweep_temporaries, temporary_file
from core.processes.children import Child
from storage import Store


def write_half(path: Path, pipe: "Connection[str, str]") -> None:
    with replacing(path) as file:
        file.write(b"half")
        file.flush()
        pipe.send("half")
        signal.pause()


def write_often(path: Path, letter: str, pipe: "Connection[str, str]") -> None:
    for _ in range(40):
        replace_file(path, letter.encode() * 100_000)
    pipe.send("done")


def killed_while_writing(path: Path) -> Path:
    """Return the temporary file left by a killed process."""
    with Child(write_half, path, name="writer") as child:
        assert next(child.messages(silent_s=60)) == "half"
        assert child.end() == -signal.SIGKILL
    left = path.with_name(f".{path.name}.tmp")
    assert left.read_bytes() == b"half"
    return left


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", b"long content")
    replace_file(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"new")]


def test_an_error_leaves_the_file_as_it_was_and_no_temporary_one(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", b"old")
    with pytest.raises(TypeError), replacing(tmp_path / "a") as file:
        file.writelines([b"n", "no bytes"])  # type: ignore[list-item]
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_the_next_writer_takes_over_what_a_killed_one_left(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / "a")
    replace_file(tmp_path / "a", b"new", mode=0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_two_processes_that_write_the_same_file_never_tear_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with Child(write_often, path, "x", name="x") as one, Child(write_often, path, "y", name="y") as other:
        while any(child.join(0) is None for child in (one, other)):
            if path.exists():
                assert path.read_bytes() in {b"x" * 100_000, b"y" * 100_000}
        assert (one.join(), other.join()) == (0, 0)
    assert [left.name for left in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["logs/m5data.prom", "m5data.toml", "versions/00000007.json", "export/train/card.md"])
def test_the_next_run_removes_what_a_killed_process_left(store: Store, name: str) -> None:
    path = store.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    left = killed_while_writing(path)
    earlier = path.with_name(f".{path.name}.4711.tmp")  # as earlier versions named them
    earlier.write_bytes(b"half")
    with store.lock():
        assert not left.exists()
        assert not earlier.exists()


def test_a_live_process_keeps_its_temporary_file(tmp_path: Path) -> None:
    with temporary_file(tmp_path / "a") as file:
        sweep_temporaries(tmp_path)
        assert Path(file.name).exists()
    assert list(tmp_path.iterdir()) == []


def test_foreign_files_stay(tmp_path: Path) -> None:
    for name in ("notes.tmp", ".hidden", "tables/.a.tmp", "prefect/.b.tmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"foreign")
    sweep_temporaries(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        ".a.tmp",
        ".b.tmp",
        ".hidden",
        "notes.tmp",
    ]


def test_a_link_in_the_temporary_files_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / ".a.tmp").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        replace_file(tmp_path / "a", b"new")
    assert (tmp_path / "other").read_bytes() == b"other"
