"""The verbs that write, each with a workspace to run it on, small enough that hundreds of runs take minutes."""

import csv
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo_shops.server import serving
from demo_shops.shops import build
from demo_shops.workspace import open_demo
from tests.m5data.damage import DAMAGES, settle
from tests.pipeline.workspace_content import leftovers, shard_bytes, table_rows
from tests.slow.pipeline.warm import WarmProgram

__all__ = ["VERBS", "Verb", "copied", "finished", "results"]

_SETTINGS = """
[sources.paper]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"

[machine]
min_free_gb = 0

[extract]
workers = 1
"""
_STAGES = (
    *("crawl", "download", "extract", "dedup", "align", "annotate aggregate", "build-splits", "annotate candidates"),
    *("annotate tasks", "export", "stats"),
)
_RECIPE = """
name = "smallest"
[input]
text_tokens = 8
table_tokens = 8
grid = 2
patch = 8
frames = 1
frame_side = 8
audio_tokens = 2
[model]
width = 8
heads = 2
feed_forward = 8
encoder_layers = 1
joint_layers = 1
feature_width = 8
[optimiser]
batch = 8
epochs = 2
finetune_epochs = 2
rate = 1e-3
finetune_rate = 1e-3
checkpoint_steps = 1
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb and the preparation of its workspace."""

    words: tuple[str, ...]
    """Arguments; ``{w}`` is the workspace, ``{out}`` a folder next to it."""
    prepare: Callable[[Path], object] = lambda folder: None
    """Function that first changes a copy of the finished workspace."""
    before: tuple[tuple[str, ...], ...] = ()
    """Verbs to run before."""
    codes: frozenset[int] = frozenset({0})
    """Allowed exit codes."""

    def on(self, folder: Path) -> tuple[str, ...]:
        """Return the words for a workspace."""
        place = () if self.words[0] == "init" else ("-w", "{w}")
        return tuple(word.format(w=folder, out=folder.with_name("out")) for word in (*self.words, *place))


@contextmanager
def finished(folder: Path, program: WarmProgram) -> Iterator[Path]:
    """Yield a workspace of the smallest demo shops after all stages; the shops are served meanwhile."""
    shops = build(folder / "shops-of-the-demo", "tiny")
    with serving(shops.folder) as served:
        workspace = folder / "workspace"
        workspace.mkdir()
        (workspace / "shops").mkdir()
        for path in (shops.folder / "shops").glob("*.csv"):
            (workspace / "shops" / path.name).write_bytes(path.read_bytes())
        open_demo(workspace, served.bases, shops.size)
        with (workspace / "m5data.toml").open("a", encoding="utf-8") as file:
            file.write(_SETTINGS)
        (workspace / "secret.key").write_bytes(bytes(32))
        (workspace / "secret.key").chmod(0o600)
        for stage in _STAGES:
            program.well(*stage.split(), "-w", workspace)
        settle(workspace)
        yield workspace


def copied(workspace: Path, place: Path) -> Path:
    """Copy a workspace into a new folder, next to which a verb may create another one."""
    return Path(shutil.copytree(workspace, place / "workspace"))


def _feed(folder: Path) -> None:
    rows = [{"id": str(n), "url": f"http://paper.example/{n}", "title": f"paper {n}"} for n in range(30)]
    (folder / "feed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _judgement(folder: Path) -> None:
    rows = (folder / "shops/judgements.csv").read_text().splitlines()
    more = [row.replace(",w1,", ",somebody,") for row in rows if ",w1," in row]
    (folder / "more.csv").write_text("\n".join([rows[0], *more]) + "\n")


def _damaged(folder: Path) -> None:
    settle(folder)
    for kind in ("data file of objects", "log of specs", "state", "frontier", "version"):
        DAMAGES[kind, "cut"](folder)


def _sheet(folder: Path) -> None:
    rows = (
        ("decision", "name", "source_a", "path_a", "source_b", "path_b"),
        ("accept", "", "north", "a > b", "south", "c > d"),
    )
    with (folder / "sheet.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def _keep_one_version(folder: Path) -> None:
    settings = folder / "m5data.toml"
    settings.write_text(settings.read_text().replace("[store]\n", "[store]\nkeep_versions = 1\nkeep_days = 0\n"))


def _recipe(folder: Path) -> None:
    (folder / "smallest.toml").write_text(_RECIPE)


def _redo(stage: str) -> Verb:
    return Verb(("redo", "--stage", stage))


VERBS: Mapping[str, Verb] = {
    "init": Verb(("init", "{out}"), codes=frozenset({0, 2})),  # 2: the killed one had finished the work
    "crawl": Verb(("crawl", "--refresh")),
    "ingest": Verb(("ingest", "{w}/feed.jsonl", "--source", "paper"), _feed),
    **{
        f"redo {stage}": _redo(stage)
        for stage in ("records", "download", "extract", "texts", "dedup", "align", "matches", "stats")
    },
    "align apply": Verb(("align", "apply", "{w}/sheet.csv", "--reviewer", "rita"), _sheet),
    "align review": Verb(("align", "review", "--out", "{w}/review.csv")),
    "annotate candidates": Verb(("annotate", "candidates", "--seed", "5")),
    "annotate tasks": Verb(("annotate", "tasks"), before=(("annotate", "candidates", "--seed", "5"),)),
    "annotate import": Verb(("annotate", "import", "{w}/more.csv"), _judgement),
    "annotate aggregate": Verb(("annotate", "aggregate"), _judgement, before=(("annotate", "import", "{w}/more.csv"),)),
    "annotate links": Verb(("annotate", "links", "kim", "lee")),
    "annotate links --reviewer": Verb(("annotate", "links", "--reviewer", "rita")),
    "annotate export": Verb(("annotate", "export", "--out", "{w}/judgements.csv")),
    "build-splits": Verb(("build-splits", "--seed", "5")),
    "export": Verb(("export",), before=(("build-splits", "--seed", "5"),)),
    "export --format mep3m": Verb(("export", "--format", "mep3m")),
    "verify": Verb(("verify",)),
    "forget": Verb(("forget", "--product", "north:N10001")),
    "vacuum": Verb(("vacuum",), _keep_one_version),
    "copy": Verb(("copy", "{out}"), codes=frozenset({0, 2})),  # as for init
    "copy --buckets": Verb(("copy", "{out}", "--buckets", "2"), codes=frozenset({0, 2})),
    "repair": Verb(("repair",), _damaged, codes=frozenset({0, 1})),  # 1: data stored only in the state is lost
    "train": Verb(("train", "--recipe", "{w}/smallest.toml", "--device", "cpu"), _recipe),
}
_COMPARED = {
    "annotation_workers": "worker",
    "webapp_reviewers": "reviewer",
    "tombstones": "digest",
    "align_decisions": "kind",
    "annotation_tasks": "query",
}
"""Table of the state -> column that two runs must agree on."""
_OWN = ("tables", "objects", "versions", "logs", "lock", "children.lock", "spool", "staging", "damaged")
_VOLATILE = re.compile(r"training/cache/|events\.out|state\.sqlite|\.sqlite-(wal|shm)$")


def results(folder: Path) -> tuple[dict[str, object], dict[str, object], list[str]]:
    """Return the content of the workspace and of the one created next to it, and the leftovers of both."""
    beside = folder.with_name("out")
    return _content_of(folder), _content_of(beside), [*leftovers(folder), *leftovers(beside)]


def _content_of(folder: Path) -> dict[str, object]:
    """Return the content after a finished run: rows of tables, bytes of shards, rows of the state, names of files."""
    if not (folder / "workspace.json").exists():
        return {}
    found: dict[str, object] = {**table_rows(folder), **shard_bytes(folder)}
    found["files"] = sorted(
        re.sub(r"\d+", "N", name)
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in _OWN
        for name in [str(path.relative_to(folder))]
        if not _VOLATILE.search(name)
    )
    with closing(sqlite3.connect(folder / "state.sqlite")) as state:
        tables = {row[0] for row in state.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table, column in _COMPARED.items():
            if table in tables:
                found[table] = state.execute(f"SELECT {column} FROM {table} ORDER BY 1").fetchall()
    return found
