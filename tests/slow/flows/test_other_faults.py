"""Faults other than of the disk: damaged files, a stuck decoder, a clock that jumps, an unavailable Prefect server."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from core.run_options import RunContext
from flows.run_stage import run_stage
from storage import Store
from storage.identity import load_or_create_key
from tests.flows.prefect_api import prefect_server, until
from tests.slow.flows.demo_shop import demo_shop
from tests.slow.flows.programs import PROGRAM, Ended, copy_workspace, run_verb, table_rows
from workspace import Workspace
from workspace.invalidate import Selection, invalidate

_DEADLINE_S = 300.0
_BUSY_S = 0.15
_COLLECTED = ("crawl", "download", "extract", "dedup")


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Workspace of the demo shops after ``dedup``, and an empty one."""
    folder = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch, demo_shop(folder / "shop", "tiny"):
        patch.setenv("PREFECT_HOME", str(folder / "home"))
        load_or_create_key(folder / "shop")  # hashes of merchants are compared, so both need the same key
        copy_workspace(folder / "shop", folder / "empty")
        for verb in _COLLECTED:
            run_verb(verb, folder / "shop")
        yield folder / "shop", folder / "empty"


def _bad_object(shop: Path, _: Path, place: Path) -> bool:
    copy_workspace(shop, place)
    segment = max(place.glob("objects/media*"), key=lambda path: path.stat().st_size)
    whole = segment.read_bytes()
    segment.write_bytes(whole[:20_000] + bytes(20_000) + whole[40_000:])
    ended = run_verb("redo --stage extract", place)
    rows = Workspace.open(place).sql("SELECT reason, count(*) AS n FROM rejects WHERE stage = 'extract' GROUP BY 1")
    rejects = ", ".join(f"{row['reason']} {row['n']}" for row in rows.to_pylist())
    segment.write_bytes(whole)
    mended = run_verb("redo --stage extract", place).code == 0 and table_rows(place) == table_rows(shop)
    return _holds(
        "20 kB of a media segment damaged",
        Ended(ended.code, f"rejects: {rejects}", ended.seconds, traceback=False),
        mended,
        0,
    )


def _bad_table(shop: Path, _: Path, place: Path) -> bool:
    copy_workspace(shop, place)
    file = max(place.glob("tables/products/*/*.parquet"), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    ended = run_verb("redo --stage dedup", place)
    file.write_bytes(whole)
    mended = run_verb("redo --stage dedup", place).code == 0 and table_rows(place) == table_rows(shop)
    return _holds("a table's file damaged", _about(ended, place), mended, 1)


def _stuck_decoder(shop: Path, _: Path, place: Path) -> bool:
    copy_workspace(shop, place)
    with (place / "m5data.toml").open("a", encoding="utf-8") as file:
        file.write("\n[extract.limits]\nseconds = 5\n")
    words = [PROGRAM, "extract", "-w", str(place)]
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        decoder: psutil.Process = until(lambda: _decoder(process.pid, place), _DEADLINE_S, "a decoder")
        decoder.suspend()
        process.communicate(timeout=_DEADLINE_S)
    rows = (
        Workspace.open(place)
        .sql("SELECT reason, detail FROM rejects WHERE stage = 'extract' AND reason != 'no_sound' ORDER BY ALL")
        .to_pylist()
    )
    lost = (
        "; ".join(f"{row['reason']}: {row['detail']}" for row in rows) or "nothing lost: another decoder did its work"
    )
    mended = run_verb("redo --stage extract", place).code == 0 and table_rows(place) == table_rows(shop)
    ended = Ended(process.returncode, lost, time.perf_counter() - began, traceback=False)
    return _holds("a decoder stopped (SIGSTOP), 5 s allowed a file", ended, mended, 0)


def _decoder(parent: int, workspace: Path) -> psutil.Process | None:
    """Return a decoding child once the first results exist: to stop one that is still starting is another fault."""
    children = psutil.Process(parent).children(recursive=True) if any((workspace / "spool").rglob("*.*")) else []
    return next(
        (
            child
            for child in children
            if child.cpu_times().user > 0.15 and "core.processes" in " ".join(child.cmdline())
        ),
        None,
    )


def _clock(shop: Path, _: Path, place: Path) -> bool:
    """Set the clock of the stages and the store a year ahead for one run, then run with the right time."""
    copy_workspace(shop, place)
    invalidate(Workspace.open(place), "dedup", Selection())  # so that this run commits a version
    for name in ("crawl", "records", "download", "extract", "dedup"):
        workspace = replace(Workspace.open(place), store=Store.open(place, clock=_a_year_ahead))
        run_stage(workspace, name, RunContext(clock=_a_year_ahead))
    ended = run_verb("doctor", place)
    clock = subprocess.run([PROGRAM, "doctor", "-w", str(place)], capture_output=True, text=True, check=False).stdout
    line = next((line.strip() for line in clock.splitlines() if line.strip().startswith("clock")), "")
    mended = run_verb("crawl --refresh", place).code == 0 and table_rows(place) == table_rows(shop)
    return _holds(
        "the clock a year ahead for one run", Ended(ended.code, line, ended.seconds, traceback=False), mended, 1
    )


def _a_year_ahead() -> datetime:
    return datetime.now(UTC) + timedelta(days=365)


def _server_away(_: Path, empty: Path, place: Path) -> bool:
    copy_workspace(empty, place)
    ended = run_verb("run --flow collect", place, environment={"PREFECT_API_URL": "http://127.0.0.1:9/api"})
    mended = run_verb("run --flow collect", place).code == 0
    return _holds("PREFECT_API_URL names a server that is away", ended, mended, 2)


def _server_dies(shop: Path, empty: Path, place: Path) -> bool:
    copy_workspace(empty, place)
    home = place.parent / "server-home"
    home.mkdir()
    with prefect_server(home) as api:
        environment = {**os.environ, "PREFECT_API_URL": api.url}
        words = [PROGRAM, "run", "--flow", "collect", "-w", str(place)]
        began = time.perf_counter()
        with subprocess.Popen(
            words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as run:
            until((place / "tables" / "products").exists, _DEADLINE_S, "the first table")
            for process in psutil.Process().children(recursive=True):
                if "prefect server" in " ".join(process.cmdline()) or "uvicorn" in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
            _, errors = run.communicate(timeout=600)
    lines = [line for line in errors.splitlines() if line.startswith("m5data: ")]
    last = lines[-1] if lines else errors[-200:]
    ended = Ended(run.returncode, last, time.perf_counter() - began, "Traceback" in errors)
    mended = all(run_verb(verb, place).code == 0 for verb in _COLLECTED) and table_rows(place) == table_rows(shop)
    return _holds("Prefect's server killed in the middle of a run", ended, mended, 1)


def _about(ended: Ended, place: Path) -> Ended:
    return Ended(ended.code, ended.message.replace(str(place), "WORKSPACE"), ended.seconds, ended.traceback)


def _holds(fault: str, ended: Ended, mended: bool, code: int) -> bool:  # noqa: FBT001
    """Print the outcome; return whether the program ended with ``code``, no traceback, and the next run repaired it."""
    print(f"| {fault} | {ended.code} | {ended.seconds:.1f} | {ended.message} | {mended} |", flush=True)
    return ended.code == code and mended and not ended.traceback


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", [_bad_object, _bad_table, _stuck_decoder, _clock, _server_away, _server_dies])
def test_a_fault_is_reported_and_the_next_run_mends_it(
    workspaces: tuple[Path, Path], tmp_path: Path, fault: Callable[[Path, Path, Path], bool]
) -> None:
    assert fault(*workspaces, tmp_path / "workspace")
