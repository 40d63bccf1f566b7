"""If the disk is full, every verb that writes says so in one line, and run again with room it yields the same content.

``M5DATA_PLACES`` sets the number of disks per verb: the first has no room beyond the workspace, the others increasing
shares of the room that the verb needs. Needs root, for a small tmpfs.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.slow.pipeline.verbs import VERBS, Verb, copied, results
from tests.slow.pipeline.warm import WarmProgram

PLACES = int(os.environ.get("M5DATA_PLACES", "3"))
_PLENTY = 500 << 20
_WORKING = 128 << 10
"""Bytes that a verb needs temporarily: logs of the state, drafts."""
_SAID = re.compile(r"m5data: .*(disk|No space left|full).*")


@contextmanager
def disk(place: Path) -> Iterator[Path]:
    """Yield a folder on a separate disk."""
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False).returncode:
        pytest.skip("this test mounts a tmpfs: run it as root")
    try:
        resize(place, _PLENTY)
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def resize(place: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)


def used(place: Path) -> int:
    return _PLENTY - shutil.disk_usage(place).free


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", VERBS)
def test_a_verb_whose_disk_ran_full_is_run_again(
    start_of: Callable[[Verb], Path], program: WarmProgram, tmp_path: Path, name: str
) -> None:
    verb = VERBS[name]
    start = start_of(verb)
    with disk(tmp_path / "whole") as place:
        whole = copied(start, place)
        before = used(place)
        assert program.run(*verb.on(whole)).code in verb.codes
        expected, written = results(whole), max(0, used(place) - before) + _WORKING
    full = 0
    for number in range(PLACES):
        with disk(tmp_path / str(number)) as place:
            folder = copied(start, place)
            resize(place, used(place) + written * number // PLACES)
            ended = program.run(*verb.on(folder))
            assert not ended.has_traceback, (name, number, ended)
            if ended.code not in verb.codes or _SAID.search(ended.message):
                assert _SAID.fullmatch(ended.message), (name, number, ended)
                full += 1
            print(f"{name}: {number} of {PLACES} parts of {written:,} bytes: {ended.code} {ended.message}")
            resize(place, _PLENTY)
            again = program.run(*verb.on(folder))
            assert again.code in verb.codes, (name, number, again)
            assert results(folder) == expected, (name, number)
    print(f"{name}: {PLACES} places, {full} of them full")
