"""Crawl, records and download of the demo shops, killed with SIGKILL at random moments, each then run to its end.

Afterwards the tables equal those of an unbroken run, and every page, image and video is stored in the segments once.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from warcio.archiveiterator import ArchiveIterator

from demo_shops.listings import Size
from demo_shops.server import serving
from demo_shops.shops import build
from demo_shops.workspace import open_demo
from tests.pipeline.killing import run_to_the_end, running, stage_times
from tests.pipeline.workspace_content import leftovers, table_rows

_SIZE: Size = "tiny"
_MOMENTS = 10
_SEED = 3


def stored(folder: Path) -> Counter[str]:
    """Return how many times each payload is stored in the segments."""
    found: Counter[str] = Counter()
    for segment in sorted((folder / "objects").glob("*.warc*")):
        with segment.open("rb") as file:
            found.update(
                record.rec_headers.get_header("WARC-Payload-Digest")
                for record in ArchiveIterator(file)
                if record.rec_type == "response"
            )
    return found


def differences(reference: Path, folder: Path) -> list[str]:
    """Return tables that differ, leftovers, and objects that are not stored exactly once."""
    expected, got = table_rows(reference), table_rows(folder)
    tables = [name for name, rows in expected.items() if got[name] != rows]
    objects = [digest for digest, times in stored(folder).items() if times != 1]
    missing = sorted(stored(reference).keys() ^ stored(folder).keys())
    return [*tables, *leftovers(folder), *objects, *missing]


def kill_once(reference: Path, folder: Path, moment: float) -> dict[str, object]:
    """Kill a run after some seconds, run it again to its end, and return the outcome."""
    reached = ["start"]
    with running(folder, "collect") as run:
        run.wait(moment)
        run.kill()
        alive = run.alive_when_killed
        reached += list(run.lines())
    run_to_the_end(folder, "collect")
    return {"moment": moment, "alive": alive, "in": reached[-1], "differences": differences(reference, folder)}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Empty workspace of the demo shops, which are being served."""
    folder = tmp_path_factory.mktemp("shops")
    shops = build(folder / "built", _SIZE)
    with serving(shops.folder) as served:
        empty = folder / "empty"
        empty.mkdir()
        shutil.copytree(shops.folder / "shops", empty / "shops")
        open_demo(empty, served.bases, shops.size)
        (empty / "secret.key").write_bytes(bytes(32))
        (empty / "secret.key").chmod(0o600)
        yield empty


@pytest.fixture(scope="module")
def reference(empty: Path) -> tuple[Path, float]:
    """Workspace after an unbroken run, and the seconds that it took."""
    folder = Path(shutil.copytree(empty, empty.with_name("reference")))
    return folder, stage_times(folder, "collect")["end"]


@pytest.mark.parametrize("share", np.random.default_rng(_SEED).uniform(0, 1, _MOMENTS).tolist())
def test_a_killed_run_ends_as_an_unbroken_one(
    empty: Path, reference: tuple[Path, float], tmp_path: Path, share: float
) -> None:
    unbroken, seconds = reference
    folder = Path(shutil.copytree(empty, tmp_path / "killed"))
    outcome = kill_once(unbroken, folder, share * seconds)
    print(outcome)
    assert outcome["differences"] == []
