"""Disk errors are reported in one line and repaired by running again."""

import errno
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from core.errors import CorruptObjectError, DataError, M5DataError
from flows.run_stage import named_disk_errors
from workspace import Workspace

PROGRAM = Path(sys.executable).parent / "m5data"
ROOT = Path("/data/shop")


@pytest.mark.parametrize(
    ("error", "named", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DataError, "dedup: the disk of /data/shop is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DataError, "dedup: the disk of /data/shop is full"),
        (sqlite3.OperationalError("database or disk is full"), DataError, "dedup: the disk of /data/shop is full"),
        (duckdb.IOException("Could not write: No space left on device"), DataError, "is full"),
        (OSError(errno.EROFS, "Read-only file system"), DataError, "dedup: cannot write in /data/shop"),
        (PermissionError(errno.EACCES, "Permission denied"), DataError, "m5data doctor says where"),
        (sqlite3.OperationalError("attempt to write a readonly database"), DataError, "cannot write in"),
        (
            duckdb.InvalidInputException("No magic bytes found at end of file '/data/shop/tables/x.parquet'"),
            CorruptObjectError,
            "dedup: a table's file cannot be read (No magic bytes",
        ),
    ],
)
def test_every_library_s_words_become_ours(error: Exception, named: type[M5DataError], words: str) -> None:
    with pytest.raises(named) as raised, named_disk_errors(ROOT, "dedup"):
        raise error
    assert words in str(raised.value)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), sqlite3.OperationalError("database is locked")])
def test_other_faults_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, named_disk_errors(ROOT, "dedup"):
        raise error
    assert raised.value is error


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))


def test_a_disk_that_takes_no_more_is_named_and_mended(collected: Workspace) -> None:
    words = [str(PROGRAM), "stats", "-w", str(collected.root)]
    # Python 3.11 keeps a truncated compiled module, and every later process fails on it
    kept_whole = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    failed = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=300, preexec_fn=small_files, env=kept_whole
    )
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith(f"m5data: stats: the disk of {collected.root} is full (")
    assert "Traceback" not in failed.stderr
    again = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert (again.returncode, "stats" in Workspace.open(collected.root).snapshot.stages) == (0, True)
