"""The pipeline on a workspace in S3, killed with SIGKILL at random moments, each time run again to its end.

S3 is moto's server, in a separate process. Each workspace begins empty; ``m5data run`` is killed at a moment uniform
over the stages of an unbroken run on S3, and run again to its end, every other time without the working copy, as on a
new machine. Then another new machine opens the workspace: tables, in content and order, and shards are those of an
unbroken run on a folder, every object has its hash, and the store holds nothing that the workspace does not know.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from demo_shops.listings import Size
from demo_shops.server import serving
from demo_shops.shops import build
from demo_shops.workspace import open_demo
from flows.run_files import LOG_FILE
from storage.files import Layout
from storage.location import ObjectStore
from storage.objects.index import ObjectIndex
from storage.working_copy import WORKING_COPIES, read_record, store_url_of, working_copy
from tests.pipeline.workspace_content import leftovers, shard_bytes, table_rows
from tests.s3_server import make_bucket, serving_s3
from tests.slow.flows.programs import PROGRAM
from workspace import Workspace
from workspace.copying import copy_workspace

_DEADLINE_S = 900.0
_BUCKET = "bucket"
_SIZE: Size = "tiny"
_MOMENTS = 6
_SEED = 7


@dataclass(frozen=True)
class _Unbroken:
    """Unbroken runs, with which killed ones are compared."""

    empty: Path
    reference: Path
    first: float
    """Seconds until the first stage of a run begins; before, only a scheduler runs."""
    seconds: float


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Unbroken]:
    """An unbroken run on a folder and an equal one on S3, with the shops and S3 being served."""
    scratch = tmp_path_factory.mktemp("s3")
    with pytest.MonkeyPatch.context() as patch, _shops(scratch, _SIZE) as empty, serving_s3() as environment:
        for name, value in {**environment, WORKING_COPIES: str(scratch / "copies")}.items():
            patch.setenv(name, value)
        make_bucket(environment, _BUCKET)
        reference = Path(shutil.copytree(empty, scratch / "reference"))
        _run(str(reference))
        url, at = _new(empty, "unbroken"), time.time()
        seconds = _run(url)
        first = _first_stage(working_copy(url)) - at
        assert _differences(reference, "unbroken") == []
        yield _Unbroken(empty, reference, first, seconds)


@pytest.mark.parametrize("number", range(_MOMENTS))
def test_a_killed_run_ends_as_an_unbroken_one_also_on_a_new_machine(unbroken: _Unbroken, number: int) -> None:
    name, generator = f"killed-{number}", np.random.default_rng([_SEED, number])
    url = _new(unbroken.empty, name)
    moment = float(generator.uniform(unbroken.first, unbroken.seconds))
    alive = _kill(url, moment)
    print(f"killed after {moment:.1f} s: {'alive' if alive else 'had ended'}, {_standing(url)}")
    if number % 2 == 1:
        shutil.rmtree(working_copy(url))
    _run(url)
    assert _differences(unbroken.reference, name) == []


def test_a_run_whose_extraction_is_on_ray_ends_as_an_unbroken_one(unbroken: _Unbroken) -> None:
    pytest.importorskip("ray", reason="Ray is an extra")
    _run(_new(unbroken.empty, "ray"), "--engine", "ray")
    assert _differences(unbroken.reference, "ray") == []


@contextmanager
def _shops(scratch: Path, size: Size) -> Iterator[Path]:
    """Serve the shops, and yield an empty workspace of them, from which all others are copied."""
    shops = build(scratch / "shops", size)
    with serving(shops.folder) as served:
        empty = scratch / "empty"
        (empty / "shops").mkdir(parents=True)
        shutil.copy(shops.folder / "shops" / "judgements.csv", empty / "shops")
        open_demo(empty, served.bases, size)
        (empty / "secret.key").write_bytes(bytes(32))
        (empty / "secret.key").chmod(0o600)
        yield empty


def _new(empty: Path, name: str) -> str:
    """Create an empty workspace in S3, and return its URL."""
    url = f"s3://{_BUCKET}/{name}"
    copy_workspace(Workspace.open(empty), working_copy(url))
    return url


def _kill(url: str, moment: float) -> bool:
    """Kill a run after some seconds; return whether it was still running."""
    process = subprocess.Popen(_command(url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() < 0


def _run(workspace: str, *options: str) -> float:
    """Run the pipeline to its end, and return the seconds that it took."""
    began = time.perf_counter()
    done = subprocess.run(
        [*_command(workspace), *options], capture_output=True, text=True, check=False, timeout=_DEADLINE_S
    )
    if done.returncode:
        raise AssertionError(f"{workspace}: exit {done.returncode}: {done.stderr}")
    return time.perf_counter() - began


def _first_stage(folder: Path) -> float:
    """Return when the first stage of a run began, in seconds since the epoch."""
    with (folder / LOG_FILE).open(encoding="utf-8") as file:
        return datetime.fromisoformat(json.loads(file.readline())["time"]).timestamp()


def _command(workspace: str) -> list[str]:
    return [PROGRAM, "run", "-w", workspace]


def _standing(url: str) -> str:
    """Return a description of the versions that the killed run had committed here and stored in S3."""
    folder = working_copy(url)
    here = max(path.stem for path in (folder / "versions").glob("????????.json"))
    stored = max((path for path in read_record(folder).files if path.startswith("versions/")), default="none")
    return f"version {here} here, {stored} stored"


def _differences(reference: Path, name: str) -> list[str]:
    """Open a workspace as on another new machine, and return its differences from the reference, and leftovers."""
    url = f"s3://{_BUCKET}/{name}"
    folder = working_copy(url)
    shutil.rmtree(folder)
    opened = Workspace.open(working_copy(url))
    expected, got = table_rows(reference), table_rows(folder)
    found = [table for table, rows in expected.items() if got[table] != rows]
    found += [] if shard_bytes(folder) == shard_bytes(reference) else ["shards"]
    found += [f"object {problem.sha256}" for problem in opened.store.verify_objects()]
    opened.store.objects.close()
    return [*found, *leftovers(folder), *_unknown(folder)]


def _unknown(folder: Path) -> list[str]:
    """Return the segments in the store that the index of objects does not know."""
    url = store_url_of(folder)
    known = ObjectIndex(Layout(folder), reading=True).segments()
    there = ObjectStore(url or "").list()
    return [path for path in there if path.startswith("objects/") and path.removeprefix("objects/") not in known]
