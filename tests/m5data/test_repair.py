"""Missing and damaged files are each named in one line, made no worse, and rebuilt if possible."""

import shutil
from pathlib import Path

import pytest

import m5data
from crawler import records_stage
from m5data.cli.main import app, explain
from storage.identity import load_or_create_key
from storage.tables import TABLES
from takedown.forget import forget
from takedown.plan import Target
from takedown.register import open_register
from tests.m5data.damage import DAMAGES, files_of, settle
from tests.takedown.planted import PLANTED, now
from workspace import Workspace
from workspace.diagnostics import examine
from workspace.repair import repair

IMPOSSIBLE = {"key", "page segment", "media segment", "settings"}
"""Files whose content is stored nowhere else."""
VERBS = (("sql", "select count(*) from products, specs, labels, objects"), ("status",), ("records",), ("verify",))


@pytest.fixture(scope="module")
def whole(planted_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with every kind of file, from which one product was taken down."""
    folder = Path(shutil.copytree(planted_once, tmp_path_factory.mktemp("whole") / "workspace"))
    workspace = Workspace.open(folder)
    load_or_create_key(folder)
    forget(workspace.store, Target("product", PLANTED), clock=now)
    records_stage.run(workspace.store, workspace.settings.crawl, clock=now)
    workspace.store.objects.close()
    settle(folder)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "workspace"))


def run(*arguments: object) -> str | None:
    """Run a verb; return its error line, or None if it succeeds."""
    try:
        app([str(one) for one in arguments], standalone_mode=False)
    except Exception as error:
        explained = explain(error)  # as the command line would print it
        if explained is None:
            raise
        return explained[0]
    return None


@pytest.mark.parametrize(("kind", "how"), DAMAGES)
def test_damage_is_named_and_repaired_or_said_to_be_lost(folder: Path, whole: Path, kind: str, how: str) -> None:
    DAMAGES[kind, how](folder)
    damaged = files_of(folder)
    wrong = [one.detail for one in examine(folder) if one.state == "wrong"]
    hidden = how == "overwritten" and "segment" in kind  # found only by --deep
    assert wrong or hidden, "doctor finds nothing"
    assert all("\n" not in line for line in wrong)
    lines = [run(*verb, "-w", folder) for verb in VERBS]
    assert all(line is None or "\n" not in line for line in lines), lines
    _check_untouched(damaged, files_of(folder))


def _check_untouched(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Check that no file was lost; verbs that ran may have added some."""
    assert before.keys() - after.keys() == set()


@pytest.mark.parametrize(("kind", "how"), [one for one in DAMAGES if one[0] not in IMPOSSIBLE])
def test_repair_makes_again_what_the_rest_implies(folder: Path, whole: Path, kind: str, how: str) -> None:
    DAMAGES[kind, how](folder)
    before = files_of(folder)
    planned = repair(folder, dry_run=True, clock=now)
    assert files_of(folder) == before
    done = repair(folder, clock=now)
    assert planned
    assert done
    assert [one.detail for one in examine(folder) if one.state == "wrong"] == []
    assert repair(folder, clock=now) == []
    workspace = Workspace.open(folder)
    records_stage.run(workspace.store, workspace.settings.crawl, clock=now)
    for table in ("products", "specs", "objects"):
        found = m5data.open(folder).table(table).drop_columns(_observed(table))
        assert found.equals(m5data.open(whole).table(table).drop_columns(_observed(table))), table
    assert open_register(workspace.store).holds("product", PLANTED)
    assert list(workspace.store.verify_objects()) == []
    workspace.store.objects.close()


def _observed(table: str) -> list[str]:
    return [column.name for column in TABLES[table].columns if column.observed]


@pytest.mark.parametrize(
    ("kind", "how"), [one for one in DAMAGES if one[0] in {"key", "page segment", "media segment"}]
)
def test_what_cannot_be_made_again_is_said_and_left(folder: Path, kind: str, how: str) -> None:
    DAMAGES[kind, how](folder)
    before = files_of(folder)
    if how == "overwritten" and kind != "key":  # of the same length: found only by its hashes
        assert any(one.name == "contents" and one.state == "wrong" for one in examine(folder, deep=True))
        return
    assert [one.possible for one in repair(folder, clock=now)] == [False]
    assert files_of(folder) == before


def test_a_restored_file_is_enough(folder: Path, whole: Path) -> None:
    for kind, name in (
        ("key", "secret.key"),
        ("media segment", "objects/media-000001.warc"),
        ("state", "state.sqlite"),
    ):
        DAMAGES[kind, "missing"](folder)
        assert any(one.state == "wrong" for one in examine(folder))
        shutil.copy(whole / name, folder / name)
        assert [one for one in examine(folder) if one.state == "wrong"] == []


def test_a_kill_in_the_middle_of_a_repair_is_made_good_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("data file of objects", "log of specs", "state", "frontier", "version"):
        DAMAGES[kind, "cut"](folder)
    steps = ("storage.identity.write_identity", "workspace.repair.write_version", "workspace.repair.rebuild_index")
    for name in (
        *steps,
        "workspace.repair.rebuild_frontiers",
        "workspace.repair.restore_register",
        "workspace.repair.Store.open",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(name, _pull_the_plug)
            try:
                repair(folder, clock=now)
            except OSError:
                continue
    repair(folder, clock=now)
    assert [one.detail for one in examine(folder) if one.state == "wrong"] == []


def test_killed_repair_is_ended_by_the_next(folder: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DAMAGES["data file of objects", "cut"](folder)
    with monkeypatch.context() as patch:
        patch.setattr("workspace.repair.Store.stage", _pull_the_plug)
        with pytest.raises(OSError, match="killed"):
            repair(folder, clock=now)
    assert m5data.open(folder).table("objects").num_rows == 0
    repair(folder, clock=now)
    assert m5data.open(folder).table("objects").num_rows == m5data.open(whole).table("objects").num_rows > 0
    number = Workspace.open(folder).snapshot.number
    assert repair(folder, clock=now) == []
    assert Workspace.open(folder).snapshot.number == number


def _pull_the_plug(*_: object, **__: object) -> None:
    raise OSError("killed")
