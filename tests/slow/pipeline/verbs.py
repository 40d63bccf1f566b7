"""The verbs that write, each with a workspace to run it on: small, so that hundreds of runs take minutes."""

import csv
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from m5data.cli.main import app
from storage import Store
from tests.m5data.damage import DAMAGES, settle
from tests.pipeline.workspace_content import table_rows
from tests.takedown.planted import page, store_pages, url_of

__all__ = ["VERBS", "Verb", "content_of", "older", "run_verb"]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb and what it is run on."""

    words: tuple[str, ...]
    """``{w}`` is the workspace, ``{out}`` a folder beside it."""
    prepare: Callable[[Path], object] = lambda folder: None
    """Changes a copy of the planted workspace first."""


def older(folder: Path) -> None:
    """Make it a workspace of format 1."""
    (folder / "workspace.json").unlink()
    (folder / "takedown.register").unlink(missing_ok=True)
    splits: dict[str, dict[str, object]] = {}
    own: dict[str, object] = {}
    for path in sorted(folder.glob("shards/planted/*/manifest.json")):
        own = json.loads(path.read_bytes())
        for split, shards in json.loads(path.read_bytes())["splits"].items():
            splits.setdefault(split, {})[str(own["format"])] = shards
        path.unlink()
    content = {"recipe": own["recipe"], "tables": own["tables"], "modalities": own["modalities"], "splits": splits}
    (folder / "shards/planted/manifest.json").write_text(json.dumps(content))


def _new_page(folder: Path) -> None:
    store = Store.open(folder)
    store_pages(store, {url_of("k5"): page("k5", "a pot with a new name")})
    store.objects.close()


def _damaged(folder: Path) -> None:
    settle(folder)
    for kind in ("data file of objects", "log of specs", "state", "version"):
        DAMAGES[kind, "cut"](folder)


def _sheet(folder: Path) -> None:
    rows = (("decision", "name", "source_a", "path_a", "source_b", "path_b"), ("accept", "", "shop", "a", "shop", "b"))
    with (folder / "sheet.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


_COMPARED = {
    "annotation_workers": "worker",
    "webapp_reviewers": "reviewer",
    "tombstones": "digest",
    "align_decisions": "kind",
}
"""Table of the state -> column that two runs must agree on."""

VERBS: Mapping[str, Verb] = {
    "records": Verb(("records", "-w", "{w}"), _new_page),
    "redo": Verb(("redo", "--stage", "records", "-w", "{w}")),
    "texts": Verb(("texts", "-w", "{w}")),
    "annotate aggregate": Verb(("annotate", "aggregate", "-w", "{w}")),
    "annotate links": Verb(("annotate", "links", "kim", "lee", "-w", "{w}")),
    "annotate links --reviewer": Verb(("annotate", "links", "--reviewer", "rita", "-w", "{w}")),
    "align apply": Verb(("align", "apply", "{w}/sheet.csv", "--reviewer", "rita", "-w", "{w}"), _sheet),
    "export": Verb(("export", "--recipe", "planted", "--format", "mep3m", "-w", "{w}")),
    "stats": Verb(("stats", "-w", "{w}")),
    "verify": Verb(("verify", "-w", "{w}")),
    "forget": Verb(("forget", "--product", "shop:k5", "-w", "{w}")),
    "vacuum": Verb(("vacuum", "-w", "{w}")),
    "copy": Verb(("copy", "{out}", "-w", "{w}")),
    "migrate": Verb(("migrate", "-w", "{w}"), older),
    "repair": Verb(("repair", "-w", "{w}"), _damaged),
}


def run_verb(*words: object) -> None:
    """Run a verb in this process; what it cannot repair or finds wrong is no failure."""
    app([str(word) for word in words], standalone_mode=False)


def content_of(folder: Path) -> dict[str, object]:
    """Return what a finished run leaves: rows of tables, names of workers, names of files."""
    found: dict[str, object] = dict(table_rows(folder))
    with closing(sqlite3.connect(folder / "state.sqlite")) as state:
        tables = {row[0] for row in state.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table, column in _COMPARED.items():
            if table in tables:
                found[table] = state.execute(f"SELECT {column} FROM {table} ORDER BY 1").fetchall()
    return found
