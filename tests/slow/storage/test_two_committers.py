"""Two machines commit to one workspace in an object store: one is refused or starts again, and nothing is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import WorkspaceError
from storage import Store
from storage.lease import LEASE, STALE_AFTER
from storage.location import ObjectStore
from storage.working_copy import WORKING_COPIES, working_copy
from tests.faulty_proxy import Faults, faulty_proxy
from tests.s3_server import ROOT, make_bucket, serving_s3
from tests.slow.storage.committer import names_in, put_and_commit
from tests.storage.failing_store import FailingStore
from tests.storage.machines import ADDRESS, OnMachine, make, open_at

URL = "s3://bucket/shop"
EACH = 100
"""Commits of each of the two processes."""
EACH_WITH_FAULTS = 25


@pytest.mark.timeout(1800)
def test_200_commits_of_two_processes_at_once_are_all_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "third"))
    with serving_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        make_bucket(environment, "bucket")
        make(working_copy(URL)).objects.close()
        _commit_by_two(tmp_path, EACH, {})
        _check_that_all_are_there(EACH)


@pytest.mark.timeout(1800)
def test_nothing_is_lost_where_the_store_fails_is_slow_and_loses_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "third"))
    faults = Faults(refused=0.05, lost=0.05, late=0.05)
    with serving_s3() as environment, faulty_proxy(environment["AWS_ENDPOINT_URL_S3"], faults) as proxy:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        make_bucket(environment, "bucket")
        make(working_copy(URL)).objects.close()
        _commit_by_two(tmp_path, EACH_WITH_FAULTS, {"AWS_ENDPOINT_URL_S3": proxy})
        print(dict(faults.happened))
        _check_that_all_are_there(EACH_WITH_FAULTS)


def _commit_by_two(folder: Path, each: int, environment: Mapping[str, str]) -> None:
    """Run two processes, each with its own working copy, and print their output."""
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.slow.storage.committer", URL, name, str(each)],
            cwd=ROOT,
            env={**os.environ, **environment, WORKING_COPIES: str(folder / name)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("first", "second")
    ]
    print(*(process.communicate()[0] for process in both))
    assert [process.returncode for process in both] == [0, 0]


def _check_that_all_are_there(each: int) -> None:
    last = open_at(working_copy(URL))
    expected = sorted(f"shop:{name}-{number}" for name in ("first", "second") for number in range(each))
    assert sorted(names_in(last)) == expected
    assert list(last.verify_objects()) == []
    assert last.snapshot().sql("SELECT count(*) AS n FROM objects")["n"].to_pylist() == [2 * each]


def test_machine_that_slept_in_its_commit_loses_to_a_later_one(far: type[FailingStore], on_machine: OnMachine) -> None:
    """The other machine takes over the expired lease; a write at the same moment may cause it to be refused, too."""
    lost = kept = refused = sleep = 0
    while True:
        far.empty()
        first, second = make(on_machine(f"first-{sleep}")), open_at(on_machine(f"second-{sleep}"))
        slept = sleep_before(far, sleep, second)
        try:
            put_and_commit(first, "one")
        except WorkspaceError:
            lost, expected = lost + 1, set(slept)
        else:
            kept, expected = kept + 1, {"shop:one", *slept}
        far.before_write = None
        expected.discard("")
        refused += slept == [""]
        again = open_at(on_machine(f"again-{sleep}"))
        assert set(names_in(again)) == expected, f"before write {sleep}"
        assert list(again.verify_objects()) == []
        put_and_commit(open_at(first.root), "three")
        assert set(names_in(open_at(again.root))) == {*expected, "shop:three"}
        if not slept:
            break
        sleep += 1
    print(f"before each of {sleep} writes: the first lost {lost} times, was kept {kept}; the other refused {refused}")
    assert lost > kept


def sleep_before(far: type[FailingStore], write: int, other: Store) -> list[str]:
    """Let the other machine commit before a write; return a list that will hold its product, or "" if refused."""
    slept: list[str] = []
    start = far.writes

    def wake(number: int) -> None:
        if number == start + write and not slept:
            slept.append("")
            age_lease()
            with suppress(WorkspaceError):
                put_and_commit(open_at(other.root), "two")
                slept[0] = "shop:two"

    far.before_write = staticmethod(wake)
    return slept


def age_lease() -> None:
    """Turn the lease into one of another machine that has not been renewed for a long time."""
    place = ObjectStore(ADDRESS)
    held = place.read(LEASE)
    if held is not None:
        long_ago = (datetime.now(UTC) - 2 * STALE_AFTER).isoformat()
        place.write(LEASE, json.dumps({**json.loads(held), "machine": "another", "renewed": long_ago}).encode())
