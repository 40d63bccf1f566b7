"""Disk faults in each stage: the program reports the fault in one line, and the next run repairs it.

The faults are a folder mounted read-only, and one without write permission (mode 555, without the right to override
it), for each verb of the pipeline in turn, on a shop of 20 products. Needs root.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.identity import load_or_create_key
from tests.slow.flows.demo_shop import demo_shop
from tests.slow.flows.programs import copy_workspace, run_verb, table_rows

_VERBS = ("crawl", "download", "extract", "dedup", "align", "annotate aggregate", "build-splits", "export", "stats")
_DROP = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


Injected = Iterator[tuple[Path, tuple[str, ...]]]
"""Workspace to run in, and words to put before the program's own; resuming the iterator removes the folder."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder with the workspace before each verb, under its number, and after the last."""
    folder = tmp_path_factory.mktemp("faults")
    with demo_shop(folder / "shop", "tiny"):
        _prepare(folder / "shop", folder / "before")
        yield folder / "before"


def _prepare(shop: Path, before: Path) -> None:
    """Copy the workspace before each verb, and after the last.

    All have the same key: a crawl that created its own would give other hashes of merchants.
    """
    load_or_create_key(shop)
    for number, verb in enumerate(_VERBS):
        copy_workspace(shop, before / str(number))
        ended = run_verb(verb, shop)
        if ended.code:
            raise SystemExit(f"{verb}: {ended}")
    copy_workspace(shop, before / str(len(_VERBS)))


def _read_only(before: Path, place: Path) -> Injected:
    """Mount the workspace read-only."""
    copy_workspace(before, place)
    _call("mount", "--bind", str(place), str(place))
    _call("mount", "-o", "remount,bind,ro", str(place))
    try:
        yield place, ()
    finally:
        _call("umount", "-l", str(place))
        shutil.rmtree(place)


def _forbidden(before: Path, place: Path) -> Injected:
    """Remove the write permission of all folders."""
    copy_workspace(before, place)
    for folder in (place, *(path for path in place.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    yield place, _DROP
    shutil.rmtree(place)


_FAULTS: Mapping[str, Callable[[Path, Path], Injected]] = {
    "read-only": _read_only,
    "not permitted": _forbidden,
}


def _lift(name: str, workspace: Path) -> None:
    if name == "read-only":
        _call("mount", "-o", "remount,bind,rw", str(workspace))
    else:
        for folder in (workspace, *(path for path in workspace.rglob("*") if path.is_dir())):
            folder.chmod(0o755)


def _call(*words: str) -> None:
    subprocess.run(words, check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
@pytest.mark.parametrize("verb", _VERBS)
@pytest.mark.parametrize("fault", _FAULTS)
def test_a_fault_of_the_disk_ends_in_one_line_and_the_next_run_mends_it(
    before: Path, tmp_path: Path, fault: str, verb: str
) -> None:
    number = _VERBS.index(verb)
    with contextmanager(_FAULTS[fault])(before / str(number), tmp_path / "at") as (workspace, words):
        ended = run_verb(verb, workspace, words)
        _lift(fault, workspace)
        again = run_verb(verb, workspace)
        rows = table_rows(workspace)
    print(f"| {fault} | {verb} | {ended.code} | {ended.seconds:.1f} | {ended.message} |")
    assert ended.is_good, ended
    assert again.code == 0, again
    assert rows == table_rows(before / str(number + 1))
