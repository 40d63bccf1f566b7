"""Check of the machines of a Ray cluster: packages, decoders, memory, disk, clock, and access to the workspace."""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import av

from core.errors import M5DataError
from core.stage import utc_now
from flows.engines import cluster
from media.container import AUDIO_DECODERS, VIDEO_DECODERS
from storage.location import ObjectStore, location_at
from workspace.diagnostics import Finding, examine_machine

__all__ = ["check_cluster", "examine_node", "own_versions"]

_PACKAGES = ("m5data", "ray", "av", "numpy", "pillow", "pyarrow", "duckdb", "obstore", "imageio-ffmpeg")
"""Packages that a task's result, or its exchange with other machines, depends on."""
_ANSWER_S = 120.0
_GB = 1_000_000_000
_CORE_GB = 1.5
"""Memory and disk that a task may use, GB each."""
_CLOCKS = timedelta(minutes=2)


def check_cluster(location: str) -> Iterator[tuple[str, Finding]]:
    """Yield the findings on each machine of the cluster, with its name; change nothing.

    Args:
        location: The workspace's folder, or its URL in an object store.

    Raises:
        SettingsError: Ray is not installed on this machine.
    """
    with cluster() as ray:
        begun = {}
        for node in ray.nodes():
            if node["Alive"]:
                there = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                task = ray.remote(num_cpus=0, max_retries=0)(examine_node).options(scheduling_strategy=there)
                name = f"{node['NodeManagerHostname']} {node['NodeManagerAddress']}"
                cores = int(node["Resources"].get("CPU", 0))
                begun[f"{name} ({cores} cores)"] = task.remote(location, own_versions(), utc_now(), cores)
        for name, answer in begun.items():
            try:
                yield from ((name, finding) for finding in ray.get(answer, timeout=_ANSWER_S))
            except ray.exceptions.RayError as error:
                said = str(error).strip().splitlines()[-1]
                advice = f"install m5data[ray] {version('m5data')} there, or end that machine"
                yield name, Finding("task", "wrong", f"a task ends there: {said}; {advice}")


def own_versions() -> dict[str, str]:
    """Return the version of Python and of the packages that all machines must share."""
    return {"python": ".".join(map(str, sys.version_info[:2])), **{name: _version(name) for name in _PACKAGES}}


def examine_node(location: str, expected: Mapping[str, str], now: datetime, cores: int) -> list[Finding]:
    """Check packages, decoders, memory, disk, clock and access to the workspace on this machine.

    Args:
        location: The workspace's folder, or its URL in an object store.
        expected: Versions on the machine where the command runs.
        now: Time there.
        cores: Tasks that run here at the same time.
    """
    return [*examine_machine(), _same(expected), _decoders(), *_room(cores), _clock(now), _place(location)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _same(expected: Mapping[str, str]) -> Finding:
    own = own_versions()
    others = [f"{name} {own[name]} (there {wanted})" for name, wanted in expected.items() if own[name] != wanted]
    if others:
        advice = "results may differ: install the same versions on every machine"
        return Finding("same versions", "wrong", f"{', '.join(others)}; {advice}")
    return Finding("same versions", "ok", f"as where the command runs: m5data {own['m5data']}, Python {own['python']}")


def _decoders() -> Finding:
    missing = sorted((VIDEO_DECODERS | AUDIO_DECODERS) - av.codecs_available)
    if missing:
        return Finding("decoders", "wrong", f"no {', '.join(missing)}; install PyAV from its wheel: pip install av")
    return Finding("decoders", "ok", f"all {len(VIDEO_DECODERS | AUDIO_DECODERS)} are there")


def _room(cores: int) -> Iterator[Finding]:
    """Compare memory and disk with what ``cores`` tasks may use."""
    needed = max(1, cores) * _CORE_GB
    advice = f"{cores} tasks may take {needed:g} GB: give Ray fewer cores (ray start --num-cpus)"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GB
    yield _enough("memory", f"{memory:.1f} GB", f"{advice}, or the machine more memory", enough=memory >= needed)
    scratch = tempfile.gettempdir()
    free = shutil.disk_usage(scratch).free / _GB
    found = f"{scratch}: {free:.1f} GB free"
    yield _enough("disk", found, f"{advice}, make room, or set TMPDIR to a larger disk", enough=free >= needed)


def _enough(name: str, found: str, advice: str, *, enough: bool) -> Finding:
    return Finding(name, "ok", found) if enough else Finding(name, "wrong", f"{found}; {advice}")


def _clock(now: datetime) -> Finding:
    apart = abs(utc_now() - now)
    found = f"{apart.total_seconds():.0f} s from that of the machine where the command runs"
    if apart > _CLOCKS:
        return Finding("clock", "wrong", f"{found}; set both right, or a lease is taken over too early")
    return Finding("clock", "ok", found)


def _place(location: str) -> Finding:
    """Check that the workspace can be read; an object store must also honour conditional puts."""
    name = f"spool/check/{secrets.token_hex(8)}"
    try:
        if "://" in location:
            return _conditions(ObjectStore(location), name)
        if location_at(location).read("versions/00000000.json") is None and not Path(location, "versions").is_dir():
            advice = "mount the same folder on every machine, or copy the workspace to an object store (m5data copy)"
            return Finding("workspace", "wrong", f"{location} is not there; {advice}")
    except (M5DataError, OSError) as error:
        return Finding("workspace", "wrong", " ".join(str(error).split()))
    return Finding("workspace", "ok", f"{location} is there")


def _conditions(store: ObjectStore, name: str) -> Finding:
    """Create and replace an object under conditions that hold and that fail, and remove it."""
    try:
        tag = store.create(name, b"1")
        kept = tag is not None and store.create(name, b"2") is None
        newer = store.replace(name, b"3", tag) if tag and kept else None
        kept = newer is not None and store.replace(name, b"4", tag or "") is None and store.read(name) == b"3"
    finally:
        store.remove([name])
    if not kept:
        advice = "two runs could overwrite each other: use a store with If-None-Match and If-Match, such as S3"
        return Finding("workspace", "wrong", f"{store.url}: it ignores the conditions of a put; {advice}")
    return Finding("workspace", "ok", f"{store.url}: read, written, and conditions of a put are kept")
