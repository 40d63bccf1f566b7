"""Diagnosis of a workspace and its machine, without changing anything."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import islice
from pathlib import Path
from typing import Literal

import duckdb
import httpx
import imageio_ffmpeg
from packaging.requirements import Requirement

from core.errors import DataError, M5DataError
from core.files import TEMPORARY
from core.processes.children import run_program
from core.stage import Clock, utc_now
from export.takedown import odd_exports
from media.formats import ACCEPTED, FORMATS
from media.image import missing_readers
from reader.model import read_model
from storage.copying import content_digest
from storage.erasure import unfinished_spans
from storage.files import Layout, databases
from storage.identity import KEY_FILE, identity_path
from storage.inside import oddities
from storage.integrity import find_damage
from storage.lock import holder_of
from storage.remote_workspace import RemoteWorkspace
from storage.state import State
from storage.working_copy import is_store_url
from takedown.forget import Journal
from takedown.register import copy_fault, key_fault
from workspace import Workspace
from workspace.progress import running_stage
from workspace.settings import MachineSettings

__all__ = ["Finding", "examine", "examine_machine"]

_WHY = {
    "fastapi": "with a newer one Prefect's flows fail",
    "sqlalchemy": "with a newer one Prefect's cron schedules never fire, and say nothing",
}
_ANSWER_S = 5.0
_GB = 1_000_000_000
_SHOWN = 10
_MAX_ODD = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one examination."""

    name: str
    state: Literal["ok", "note", "wrong"]
    """note: worth knowing, but needs no action."""
    detail: str
    """Description of the result; if it is wrong, also the remedy."""


def examine(root: Path, *, deep: bool = False, clock: Clock = utc_now) -> Iterator[Finding]:
    """Check versions, settings, files, permissions, disk, lock, drafts, clock and the Prefect server; change nothing.

    Args:
        root: The workspace's folder; if it is not a workspace, checks that need one are skipped.
        deep: Also read every stored object and compare its hash, and read every data file in full.
        clock: The machine's clock.
    """
    yield from examine_machine()
    yield from _prefect(os.environ.get("PREFECT_API_URL"))
    if identity_path(root).exists():
        yield from _oddities(root)
    try:
        workspace = Workspace.open(root)
        number = workspace.snapshot.number
    except M5DataError as error:
        yield Finding("workspace", "wrong", str(error))
        yield from _damage(root, missing_is_wrong=False)
        yield _disk(root, MachineSettings())
        return
    yield Finding("workspace", "ok", f"{root}: settings hold, dataset version {number}")
    yield from _damage(root, missing_is_wrong=True)
    if deep:
        yield from _contents(workspace)
    yield from _home(root)
    yield _disk(root, workspace.settings.machine)
    yield from _rights(root)
    yield from _writer(workspace)
    yield from _drafts(workspace)
    yield from _small_files(workspace)
    yield from _elsewhere(workspace)
    yield from _exports(workspace)
    yield _clock(workspace, clock())


def examine_machine() -> Iterator[Finding]:
    """Check the installed packages, FFmpeg and the formats that they read."""
    yield from _versions()
    yield _ffmpeg()
    yield _formats()


def _home(root: Path) -> Iterator[Finding]:
    home = RemoteWorkspace.of(root)
    if home is not None:
        yield Finding("home", "ok", f"{home.url}, which {root} is the working copy of: {home.describe()}")


def _versions() -> Iterator[Finding]:
    """Compare installed packages with the requirements of this version of m5data."""
    required = [Requirement(line) for line in requires("m5data") or ()]
    needed = [one for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    bad = [fault for one in needed for fault in _fault(one)]
    yield from bad
    if not bad:
        yield Finding("versions", "ok", f"all {len(needed)} requirements of m5data {version('m5data')} hold")


def _fault(required: Requirement) -> Iterator[Finding]:
    try:
        found = version(required.name)
    except PackageNotFoundError:
        yield Finding("versions", "wrong", f"{required} is not installed; run: pip install '{required}'")
        return
    if not required.specifier.contains(found, prereleases=True):
        why = _WHY.get(required.name, "this version was not tried")
        yield Finding(
            "versions",
            "wrong",
            f"{required.name} {found} does not satisfy {required}: {why}; run: pip install '{required}'",
        )


def _ffmpeg() -> Finding:
    """Run FFmpeg: a path alone proves nothing."""
    advice = "no mp3 without it: install FFmpeg, or set IMAGEIO_FFMPEG_EXE"
    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
        said = run_program([program, "-hide_banner", "-version"], seconds=_ANSWER_S)
    except (RuntimeError, DataError) as error:
        return Finding("ffmpeg", "wrong", f"{' '.join(str(error).split())}; {advice}")
    if not said.startswith(b"ffmpeg"):
        return Finding("ffmpeg", "wrong", f"{program}: it is another program than FFmpeg; {advice}")
    return Finding("ffmpeg", "ok", f"{program}: {said.split(b' Copyright')[0].decode(errors='replace')}")


def _formats() -> Finding:
    """List the formats of images and videos that are read, and those that are refused by name."""
    kinds = ((kind, [form.name for form in ACCEPTED if form.kind == kind]) for kind in ("image", "video"))
    read = "; ".join(f"{kind}s: {', '.join(names)}" for kind, names in kinds)
    refused = ", ".join(form.name for form in FORMATS if form.reader is None)
    if missing := missing_readers():
        return Finding("formats", "wrong", f"Pillow was built without {', '.join(missing)}: install its wheel")
    return Finding("formats", "ok", f"{read}; refused: {refused} (docs/formats.md)")


def _damage(root: Path, *, missing_is_wrong: bool) -> Iterator[Finding]:
    """Check every file that the newest dataset version needs."""
    if not missing_is_wrong and not identity_path(root).exists():
        return  # not a workspace, or of an older format: already reported
    found: list[tuple[str, str]] = [(damage.kind, damage.detail) for damage in find_damage(root)]
    if not any(kind == "state" for kind, _ in found) and (fault := copy_fault(State(Layout(root.absolute()).state))):
        found.append(("register", fault))
    key = root / KEY_FILE
    if not found and key.exists() and (fault := key_fault(root.absolute(), key.read_bytes())):
        found.append(("key", fault))
    yield from (Finding(kind, "wrong", detail) for kind, detail in found)
    if not found:
        yield Finding("files", "ok", "every file of the newest version is there, and the state is whole")


def _contents(workspace: Workspace) -> Iterator[Finding]:
    """Read every stored object, and every table of the newest version."""
    problems = list(workspace.store.verify_objects())
    bad = [str(problem.detail) for problem in problems]
    for name in workspace.snapshot.tables:
        try:
            content_digest(workspace.snapshot, name)
        except (M5DataError, duckdb.Error) as error:
            bad.append(f"table {name}: {' '.join(str(error).split())[:300]}")
    for detail in bad[:_SHOWN]:
        yield Finding("contents", "wrong", f"{detail} Restore it from a backup, or run m5data repair.")
    if len(bad) > _SHOWN:
        yield Finding("contents", "wrong", f"and {len(bad) - _SHOWN:,} more")
    if not bad:
        yield Finding("contents", "ok", "every object has its recorded hash, and every data file can be read")


def _prefect(url: str | None) -> Iterator[Finding]:
    if not url:
        yield Finding("prefect", "ok", "PREFECT_API_URL is not set: each run starts a server of its own")
        return
    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=_ANSWER_S).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        yield Finding("prefect", "wrong", f"PREFECT_API_URL: {url}: {error}; start that server, or unset the variable")
    else:
        yield Finding("prefect", "ok", f"{url} answers")


def _oddities(root: Path) -> Iterator[Finding]:
    """List links, pipes, names and the like that m5data never makes in a workspace."""
    found = list(islice(oddities(root), _MAX_ODD + 1))
    yield from (Finding("odd", "note", f"{line}; m5data made no such thing here") for line in found[:_MAX_ODD])
    if len(found) > _MAX_ODD:
        yield Finding("odd", "note", "and more")


def _disk(root: Path, settings: MachineSettings) -> Finding:
    place = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free / _GB
    text = f"{free:.1f} GB free; a run needs {settings.min_free_gb:g} GB (machine.min_free_gb)"
    if free < settings.min_free_gb:
        return Finding("disk", "wrong", f"{text}: make room, for example with m5data vacuum")
    return Finding("disk", "ok", text)


def _rights(root: Path) -> Iterator[Finding]:
    """Find folders and files of the store that this user cannot write."""
    layout = Layout(root.absolute())
    folders = [layout.root, layout.tables, layout.objects, layout.versions, layout.root / "logs"]
    own = [*folders, layout.frontiers, *(layout.root / name for name in databases(layout.root)), layout.lock]
    inside = [path for path in layout.tables.rglob("*") if path.is_dir()] if layout.tables.is_dir() else []
    shut = [path for path in (*own, *inside) if path.exists() and not os.access(path, os.W_OK)]
    if shut:
        more = f" and {len(shut) - 1} more" if len(shut) > 1 else ""
        yield Finding("rights", "wrong", f"{shut[0]}{more}: this user may not write there; change owner or rights")
    else:
        yield Finding("rights", "ok", "all folders of the store can be written")


def _writer(workspace: Workspace) -> Iterator[Finding]:
    holder = holder_of(workspace.root)
    if holder is None:
        yield Finding("lock", "ok", "no run holds the workspace")
        return
    running = running_stage(workspace)
    doing = f", stage {running.stage}, {running.done:,} of {running.total or '?'}" if running else ""
    yield Finding("lock", "note", f"process {holder} holds the workspace{doing}; it is freed when that process ends")


def _drafts(workspace: Workspace) -> Iterator[Finding]:
    """Find leftovers of a killed run; drafts of a live run are ignored."""
    if holder_of(workspace.root) is not None:
        return
    layout = Layout(workspace.root.absolute())
    left: list[tuple[str, Callable[[], bool], str]] = [
        ("staging/: a stage that did not end", lambda: _holds(layout.staging), "the next run removes it"),
        ("spool/: finished partitions of such a stage", lambda: _holds(layout.spool), "the next run takes them over"),
        (
            "versions/: a half-written one",
            lambda: any(layout.versions.glob(f".*{TEMPORARY}")),
            "the next run removes it",
        ),
        (
            "a take-down that was interrupted",
            (layout.root / "takedown.pending").exists,
            "the next run finishes it",
        ),
    ]
    found = [Finding("drafts", "note", f"{what}; {then}") for what, there, then in left if there()]
    yield from found or [Finding("drafts", "ok", "nothing half-written")]


def _small_files(workspace: Workspace) -> Iterator[Finding]:
    """Read the reader models that sources name, and the journal of an interrupted take-down."""
    for name, source in workspace.settings.crawl.sources.items():
        try:
            if source.reader is not None:
                read_model(workspace.root / source.reader)
        except M5DataError as error:
            yield Finding("reader", "wrong", f"sources.{name}.reader: {error}")
    for check in (lambda: Journal(workspace.root).check(), lambda: unfinished_spans(workspace.root)):
        try:
            check()
        except M5DataError as error:
            yield Finding("journal", "wrong", str(error))


def _exports(workspace: Workspace) -> Iterator[Finding]:
    with suppress(M5DataError):  # the key, or the state, which lists the exports, is damaged: reported above
        yield from (Finding("export", "note", line) for line in odd_exports(workspace.store))


def _elsewhere(workspace: Workspace) -> Iterator[Finding]:
    """List the settings that name code, or files outside the workspace: a stranger's may do so on purpose."""
    root, settings = workspace.root, workspace.settings
    for name, source in settings.crawl.sources.items():
        if source.page_object is not None:
            line = f"sources.{name}.page_object: {source.page_object!r} is code, which runs when pages are read"
            yield Finding("settings", "note", line)
    places = {"annotate.judgements": settings.annotate.judgements, "export.out": settings.export.out}
    for option, place in places.items():
        if place is not None and (is_store_url(place) or not (root / place).resolve().is_relative_to(root.resolve())):
            yield Finding("settings", "note", f"{option}: {place} is outside the workspace")


def _holds(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))


def _clock(workspace: Workspace, now: datetime) -> Finding:
    created = workspace.snapshot.created
    if created is not None and created > now:
        text = (
            f"the newest version was committed at {created:%Y-%m-%d %H:%M:%S}, the clock says {now:%Y-%m-%d %H:%M:%S}"
        )
        return Finding("clock", "wrong", f"{text} (UTC): set it right, or pages are fetched too late")
    return Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")
