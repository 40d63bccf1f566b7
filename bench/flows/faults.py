"""Faults in each stage: what happens, what the person is told, and whether the next run mends it.

    python -m bench.flows.faults [--verbs extract dedup]

Needs root, for mounts: a disk that is full (a small tmpfs), a folder that is read-only (a bind mount), one that may not
be written (mode 555, without the right to override it). For each verb of the pipeline in turn on a shop of 20 products.
After each fault the verb is run again without it; the tables must then be those of a run without faults. Prints a table
in Markdown; ends with 1 where a verb ended with 0 or by a traceback, took longer than a minute, or was not mended.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.flows.demo_shop import demo_shop
from m5data.workspace import Workspace
from storage.secret_key import load_or_create_key
from storage.tables import TABLES

__all__ = ["PROGRAM", "Ended", "copy_workspace", "run_verb", "table_rows"]

PROGRAM = str(Path(sys.executable).parent / "m5data")
_VERBS = ("crawl", "download", "extract", "dedup", "align", "annotate aggregate", "build-splits", "export", "stats")
_MARGIN = 24 * 1024
_PLENTY_BYTES = 500 * 1024 * 1024
_PLENTY = str(_PLENTY_BYTES)
_DEADLINE_S = 60.0
_DROP = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int
    told: str
    """Last line on standard error."""
    seconds: float
    traceback: bool

    @property
    def is_good(self) -> bool:
        """Whether it failed as it must: by name, in time."""
        return self.code in {1, 2} and not self.traceback and self.seconds < _DEADLINE_S


Injected = Iterator[tuple[Path, tuple[str, ...]]]
"""The workspace to run in, and words before the program's own; what comes after lifts the fault."""


def main() -> int:
    """Inject all faults and print what was seen."""
    parser = argparse.ArgumentParser(description="Faults in each stage.")
    parser.add_argument("--verbs", nargs="+", default=_VERBS)
    chosen = parser.parse_args().verbs
    wrong = 0
    with TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        shop = Path(folder) / "shop"
        with demo_shop(shop, "tiny"):
            _no_reserve(shop)
            _prepare(shop, before)
            print("| fault | verb | exit | seconds | told | mended by the next run |\n|---|---|---|---|---|---|")
            for name, inject in _FAULTS.items():
                for number, verb in enumerate(_VERBS):
                    if verb in chosen:
                        after = before / str(number + 1)
                        wrong += _try(name, inject, verb, before / str(number), after, Path(folder) / "at")
    return wrong


def _no_reserve(shop: Path) -> None:
    """Let the disk run full, instead of stopping a gigabyte before that."""
    with (shop / "m5data.toml").open("a", encoding="utf-8") as file:
        file.write("\n[machine]\nmin_free_gb = 0\n")


def _prepare(shop: Path, before: Path) -> None:
    """Keep a copy of the workspace from before each verb, and one from after the last.

    All have one key: merchants' hashes of a crawl that makes its own would differ.
    """
    load_or_create_key(shop)
    for number, verb in enumerate(_VERBS):
        copy_workspace(shop, before / str(number))
        ended = run_verb(verb, shop)
        if ended.code:
            raise SystemExit(f"{verb}: {ended}")
    copy_workspace(shop, before / str(len(_VERBS)))


def _try(
    name: str, inject: Callable[[Path, Path], Injected], verb: str, before: Path, after: Path, place: Path
) -> bool:
    """Run a verb under a fault, and without it; print a line, and return whether anything was not as it must be."""
    with contextmanager(inject)(before, place) as (workspace, words):
        ended = run_verb(verb, workspace, words)
        _lift(name, workspace)
        again = run_verb(verb, workspace)
        mended = again.code == 0 and table_rows(workspace) == table_rows(after)
    told = ended.told.replace(str(workspace), "WORKSPACE").replace("|", "\\|")
    print(f"| {name} | {verb} | {ended.code} | {ended.seconds:.1f} | {told} | {mended} |", flush=True)
    if not mended:
        print(f"  again: {again}", flush=True)
    return not (ended.is_good and mended)


def _full(before: Path, place: Path) -> Injected:
    """A disk that has a little more room than the workspace takes."""
    place.mkdir()
    _call("mount", "-t", "tmpfs", "-o", f"size={_PLENTY}", "tmpfs", str(place))
    try:
        copy_workspace(before, place / "shop")
        used = _PLENTY_BYTES - shutil.disk_usage(place).free
        _call("mount", "-o", f"remount,size={used + _MARGIN}", str(place))
        yield place / "shop", ()
    finally:
        _call("umount", "-l", str(place))
        place.rmdir()


def _read_only(before: Path, place: Path) -> Injected:
    """A file system that is mounted read-only."""
    copy_workspace(before, place)
    _call("mount", "--bind", str(place), str(place))
    _call("mount", "-o", "remount,bind,ro", str(place))
    try:
        yield place, ()
    finally:
        _call("umount", "-l", str(place))
        shutil.rmtree(place)


def _forbidden(before: Path, place: Path) -> Injected:
    """Folders of the store that this person may not write."""
    copy_workspace(before, place)
    for folder in (place, *(path for path in place.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    yield place, _DROP
    shutil.rmtree(place)


_FAULTS: Mapping[str, Callable[[Path, Path], Injected]] = {
    "disk full": _full,
    "read-only": _read_only,
    "not permitted": _forbidden,
}


def _lift(name: str, workspace: Path) -> None:
    if name == "disk full":
        _call("mount", "-o", f"remount,size={_PLENTY}", str(workspace.parent))
    elif name == "read-only":
        _call("mount", "-o", "remount,bind,rw", str(workspace))
    else:
        for folder in (workspace, *(path for path in workspace.rglob("*") if path.is_dir())):
            folder.chmod(0o755)


def run_verb(
    verb: str, workspace: Path, words: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a verb of the program, and return how it ended."""
    began = time.perf_counter()
    env = {**os.environ, **(environment or {})}
    command = [*words, PROGRAM, *verb.split(), "-w", str(workspace)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * _DEADLINE_S, env=env)
    except subprocess.TimeoutExpired:
        return Ended(124, "did not end", time.perf_counter() - began, traceback=False)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return Ended(
        done.returncode,
        lines[-1] if lines else "",
        time.perf_counter() - began,
        "Traceback (most recent" in done.stderr,
    )


def table_rows(workspace: Path) -> dict[str, list[dict[str, object]]]:
    """Return every table's rows without observed columns; of objects only which there are."""
    opened = Workspace.open(workspace)
    return {
        name: opened.table(name)
        .select(["sha256"] if name == "objects" else [c.name for c in spec.columns if not c.observed])
        .to_pylist()
        for name, spec in TABLES.items()
    }


def copy_workspace(source: Path, target: Path) -> None:
    """Copy a workspace without the shops, which are served from elsewhere, but for its judgements."""
    shutil.copytree(source, target, ignore=lambda path, names: _left_out(source, path, names))


def _left_out(source: Path, path: str, names: list[str]) -> list[str]:
    return [name for name in names if name != "judgements.csv"] if Path(path) == source / "shops" else []


def _call(*words: str) -> None:
    subprocess.run(words, check=True)


if __name__ == "__main__":
    sys.exit(main())
