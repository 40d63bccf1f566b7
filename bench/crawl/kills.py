"""Crawl, records and download of the demo shops, killed with SIGKILL at random moments, each then run to its end.

python -m bench.crawl.kills [--moments 50] [--seed 3] [--results bench/out/kills.jsonl]

After each, the tables must equal an unbroken run's, and every page and medium must lie in the segments once. A
moment that stands in the results already is not tried again, so that the command can be stopped and resumed.
"""

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from warcio.archiveiterator import ArchiveIterator

from demo_shops.server import serving
from demo_shops.shops import build
from demo_shops.workspace import open_demo
from tests.pipeline.killing import run_to_the_end, running, stage_times
from tests.pipeline.workspace_content import leftovers, table_rows

SIZE = "demo"


def stored(folder: Path) -> Counter[str]:
    """Return how many times each payload lies in the segments."""
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
    """Return the tables that differ, what was left over, and objects that are not there exactly once."""
    expected, got = table_rows(reference), table_rows(folder)
    tables = [name for name, rows in expected.items() if got[name] != rows]
    objects = [digest for digest, times in stored(folder).items() if times != 1]
    missing = sorted(stored(reference).keys() ^ stored(folder).keys())
    return [*tables, *leftovers(folder), *objects, *missing]


def kill_once(reference: Path, folder: Path, moment: float) -> dict[str, object]:
    """Kill a run after some seconds, run it again to its end, and say how it compares."""
    reached = ["start"]
    with running(folder, "collect") as run:
        run.wait(moment)
        run.kill()
        alive = run.alive_when_killed
        reached += list(run.lines())
    run_to_the_end(folder, "collect")
    return {"moment": moment, "alive": alive, "in": reached[-1], "differences": differences(reference, folder)}


def try_moments(make: Callable[[str], Path], count: int, seed: int, results: Path) -> None:
    """Try the moments that are not among the results yet, and add them."""
    reference = make("reference")
    end = stage_times(reference, "collect")["end"]
    done = {json.loads(line)["share"] for line in results.read_text().splitlines()} if results.exists() else set()
    for share in np.random.default_rng(seed).uniform(0, 1, count).tolist():
        if share in done:
            continue
        folder = make("killed")
        outcome = {"share": share, **kill_once(reference, folder, share * end)}
        with results.open("a") as file:
            file.write(json.dumps(outcome) + "\n")
        shutil.rmtree(folder)


def main() -> None:
    """Try all moments and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path("bench/out/kills.jsonl"))
    chosen = parser.parse_args()
    chosen.results.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        shops = build(Path(scratch) / "shops", SIZE)
        with serving(shops.folder) as served:
            empty = Path(scratch) / "empty"
            empty.mkdir()
            shutil.copytree(shops.folder / "shops", empty / "shops")
            open_demo(empty, served.bases, shops.size)
            (empty / "secret.key").write_bytes(bytes(32))
            (empty / "secret.key").chmod(0o600)
            make = lambda name: Path(shutil.copytree(empty, Path(scratch) / name))  # noqa: E731
            try_moments(make, chosen.moments, chosen.seed, chosen.results)
    outcomes = [json.loads(line) for line in chosen.results.read_text().splitlines()]
    stages = Counter(one["in"] for one in outcomes if one["alive"])
    product = sum(not one["differences"] for one in outcomes)
    print(f"{product} of {len(outcomes)} ended as an unbroken run; killed in {dict(stages)}")
    for one in outcomes:
        if one["differences"]:
            print(one)


if __name__ == "__main__":
    main()
