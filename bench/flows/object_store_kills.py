"""The pipeline on a workspace in S3, killed with SIGKILL at random moments, each time run again to its end.

    python -m bench.flows.object_store_kills [--moments 10] [--seed N] [--size tiny|demo]

S3 is moto's server, in a process of its own. Each workspace begins empty; ``m5data run`` is killed at a moment that is
uniform over the stages of an unbroken run on S3, and run again to its end: every other time without the working copy,
as on a new machine. Then another new machine opens it: tables, in content and order, and shards must be those of an
unbroken run on a folder, every object must have its hash, and the store must hold nothing that is not the
workspace's. Prints a line a kill; ends with 1 on any difference.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec
import numpy as np

from bench.flows.faults import PROGRAM
from demo_shops.listings import Size
from demo_shops.server import serving
from demo_shops.shops import build
from demo_shops.workspace import open_demo
from flows.logs import LOG_FILE
from m5data.copying import copy_workspace
from m5data.workspace import Workspace
from storage.remote import Home, working_copy
from storage.remote.local_copy import WORKING_COPIES, read_record
from tests.pipeline.workspace_content import leftovers, shard_bytes, table_rows
from tests.s3_server import serving_s3

_DEADLINE_S = 900.0
_BUCKET = "bucket"


def main() -> int:
    """Kill as often as was asked for, and return 1 where any run differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--size", choices=("tiny", "demo"), default="tiny")
    chosen = parser.parse_args()
    with TemporaryDirectory() as scratch, _shops(Path(scratch), chosen.size) as empty, serving_s3() as environment:
        os.environ.update(environment, **{WORKING_COPIES: str(Path(scratch) / "copies")})
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir(_BUCKET)
        reference = Path(shutil.copytree(empty, Path(scratch) / "reference"))
        _run(str(reference))
        unbroken, at = _new(empty, "unbroken"), time.time()
        seconds = _run(unbroken)
        first = _first_stage(working_copy(unbroken)) - at
        wrong = bool(_differences(reference, "unbroken"))
        moments = np.random.default_rng(chosen.seed).uniform(first, seconds, chosen.moments)
        told = f"an unbroken run on S3 takes {seconds:.1f} s, its first stage begins after {first:.1f} s"
        print(f"seed {chosen.seed}, {chosen.size} shops; {told}", flush=True)
        for number, moment in enumerate(moments.tolist()):
            wrong |= _try(empty, reference, number, moment)
    return int(wrong)


def _try(empty: Path, reference: Path, number: int, moment: float) -> bool:
    """Kill one run, and run it again; print a line and return whether anything differs."""
    name = f"killed-{number}"
    address = _new(empty, name)
    alive, stored = _kill(address, moment), _standing(address)
    thrown_away = number % 2 == 1
    if thrown_away:
        shutil.rmtree(working_copy(address))
    seconds = _run(address)
    differences = _differences(reference, name)
    where = "on a new machine" if thrown_away else "on the same machine"
    killed = f"killed after {moment:5.1f} s" if alive else "had ended before"
    told = "; ".join(differences) or "equal"
    print(f"{number}: {killed}, {stored}, again {where} in {seconds:.1f} s: {told}", flush=True)
    return bool(differences)


@contextmanager
def _shops(scratch: Path, size: Size) -> Iterator[Path]:
    """Serve the shops, and yield an empty workspace of them that all others are copies of."""
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
    """Make an empty workspace in S3, and return its URL."""
    address = f"s3://{_BUCKET}/{name}"
    copy_workspace(Workspace.open(empty), working_copy(address))
    return address


def _kill(address: str, moment: float) -> bool:
    """Kill a run after some seconds; return whether it still ran."""
    process = subprocess.Popen(_command(address), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() < 0


def _run(workspace: str) -> float:
    """Run the pipeline to its end, and return how many seconds that took."""
    began = time.perf_counter()
    done = subprocess.run(_command(workspace), capture_output=True, text=True, check=False, timeout=_DEADLINE_S)
    if done.returncode:
        raise SystemExit(f"{workspace}: exit {done.returncode}: {done.stderr}")
    return time.perf_counter() - began


def _first_stage(folder: Path) -> float:
    """Return when the first stage of a run began, seconds since the epoch: before that there is only a scheduler."""
    with (folder / LOG_FILE).open(encoding="utf-8") as file:
        return datetime.fromisoformat(json.loads(file.readline())["time"]).timestamp()


def _command(workspace: str) -> list[str]:
    return [PROGRAM, "run", "-w", workspace]


def _standing(address: str) -> str:
    """Say what the killed run had committed here and stored there."""
    folder = working_copy(address)
    here = max(int(path.stem) for path in (folder / "versions").glob("????????.json"))
    manifest = read_record(folder).manifest
    return f"version {here} here, {manifest.version if manifest else 'none'} stored"


def _differences(reference: Path, name: str) -> list[str]:
    """Open a workspace on another new machine, and return what is not as it must be."""
    address = f"s3://{_BUCKET}/{name}"
    folder = working_copy(address)
    shutil.rmtree(folder)
    opened = Workspace.open(working_copy(address))
    expected, got = table_rows(reference), table_rows(folder)
    found = [table for table, rows in expected.items() if got[table] != rows]
    found += [] if shard_bytes(folder) == shard_bytes(reference) else ["shards"]
    found += [f"object {problem.sha256}" for problem in opened.store.verify_objects()]
    opened.store.objects.close()
    return [*found, *leftovers(folder), *_unknown(folder)]


def _unknown(folder: Path) -> list[str]:
    """Return the objects of files that the list of an URL does not name."""
    home, manifest = Home.of(folder), read_record(folder).manifest
    if home is None or manifest is None:
        return ["no working copy"]
    root = home.url.removeprefix("s3://")
    there = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False).find(f"{root}/files")
    known = {entry.key for entry in manifest.files.values()}
    return sorted(name for name in there if name.removeprefix(f"{root}/") not in known)


if __name__ == "__main__":
    sys.exit(main())
